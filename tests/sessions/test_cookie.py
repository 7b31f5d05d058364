"""How Watchword's cookies are called and set."""

from watchword.foundation.secrets import Secret
from watchword.foundation.settings import Settings
from watchword.sessions.cookie import Cookies


def test_in_production_the_cookie_is_host_only_secure_and_out_of_scripts_reach() -> None:
    """CB-038 to CB-042."""
    cookies = Cookies.of(Settings(mode="production", base_url="https://example.org"))
    assert (
        cookies.set_session(Secret("token"), 3600)
        == "__Host-watchword=token; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600; Secure"
    )


def test_only_plain_http_in_development_goes_without_secure() -> None:
    assert Cookies.of(Settings()).session == "watchword"
    assert Cookies.of(Settings(base_url="https://dev.example.org")).session == "__Host-watchword"


def test_no_cookie_lives_longer_than_browsers_allow() -> None:
    """CB-044: 400 days."""
    assert f"Max-Age={400 * 24 * 3600};" in Cookies(secure=True).set_browser(Secret("x"), 10**9)


def test_taking_the_session_away_empties_the_cookie_at_once() -> None:
    assert (
        Cookies(secure=True).clear_session() == "__Host-watchword=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure"
    )
