"""`Auth`: what it is without arguments, what comes from where, and what it refuses."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.site import CHEAP, SECRET
from watchword import SMTP, Auth, Brand, ConfigurationError, Password, SessionLimits
from watchword.foundation.clock import DAY, HOUR
from watchword.methods.password.hashing import Figures

PRODUCTION: dict[str, str] = {
    "WATCHWORD_MODE": "production",
    "WATCHWORD_SECRET": SECRET,
    "WATCHWORD_BASE_URL": "https://example.org",
    "WATCHWORD_SMTP": "smtp://user:password@mail.example.org:587",
    "WATCHWORD_SENDER": "Example <no-reply@example.org>",
}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def auth(environ: dict[str, str] | None = None, **arguments: Any) -> Auth:
    """Return an `Auth` that was closed again."""
    found = Auth(environ=environ or {}, **arguments)
    found.stop()
    return found


def refusal(environ: dict[str, str] | None = None, **arguments: Any) -> str:
    with pytest.raises(ConfigurationError) as refused:
        auth(environ, **arguments)
    return str(refused.value)


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in PRODUCTION.items() if name not in names}


def test_without_arguments_it_serves_from_an_empty_folder(tmp_path: Path):
    made = Auth(environ={})
    made.start()
    made.stop()
    assert (made.settings.mode, made.settings.prefix) == ("development", "/auth")
    assert (tmp_path / "watchword.sqlite3").exists()
    secret = tmp_path / ".watchword" / "secret"
    assert secret.read_text().startswith("development-")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
    assert (secret.parent / ".gitignore").read_text() == "*\n"


def test_the_same_secret_is_read_at_the_next_start(tmp_path: Path):
    macs = [auth().services.keyring.mac("code", b"1") for _ in range(2)]
    assert macs[0] == macs[1]


def test_a_sqlite_store_keeps_its_secret_beside_it(tmp_path: Path):
    auth(store=f"sqlite:///{tmp_path}/data/site.sqlite3")
    assert (tmp_path / "data" / ".watchword" / "secret").exists()
    assert not (tmp_path / ".watchword").exists()


def test_with_a_secret_none_is_made(tmp_path: Path):
    auth(secret=SECRET)
    assert not (tmp_path / ".watchword").exists()


def test_the_environment_is_read_where_no_argument_is_given(tmp_path: Path):
    made = auth(
        {
            "WATCHWORD_STORE": f"sqlite:///{tmp_path}/environment.sqlite3",
            "WATCHWORD_SECRET": f"{SECRET}, {'o' * 32}",
            "WATCHWORD_LANGUAGE": "de",
            "WATCHWORD_BRAND_NAME": "Example",
            "WATCHWORD_PROXIES": "10.0.0.0/8, 192.0.2.1",
            "WATCHWORD_SMTP": "smtps://user:p%40ss@mail.example.org",
            "WATCHWORD_SENDER": "no-reply@example.org",
        }
    )
    settings = made.settings
    assert (settings.language, settings.brand.name, settings.proxies) == ("de", "Example", ("10.0.0.0/8", "192.0.2.1"))
    assert settings.smtp
    assert settings.smtp.password
    assert (settings.smtp.host, settings.smtp.port, settings.smtp.security) == ("mail.example.org", 465, "tls")
    assert settings.smtp.password.matches("p@ss")
    made.store.migrate()
    assert (tmp_path / "environment.sqlite3").exists()
    old = auth(secret="o" * 32).services.keyring
    assert made.services.keyring.verifies("code", b"1", old.mac("code", b"1")), "an earlier secret is still read"


def test_the_processs_own_environment_counts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WATCHWORD_LANGUAGE", "de")
    made = Auth()
    made.stop()
    assert made.settings.language == "de"


def test_an_argument_wins_over_the_environment_and_that_over_the_document(tmp_path: Path):
    environ = {
        "WATCHWORD_BASE_URL": "https://environment.example",
        "WATCHWORD_LANGUAGE": "de",
        "WATCHWORD_BRAND_NAME": "Environment",
        "WATCHWORD_STORE": f"sqlite:///{tmp_path}/environment.sqlite3",
        "WATCHWORD_PROXIES": "10.0.0.0/8",
    }
    document = {"base_url": "https://document.example", "brand": {"name": "Document"}, "session": {"idle": "1h"}}
    url = f"sqlite:///{tmp_path}/argument.sqlite3"
    made = auth(environ, configuration=document, store=url, base_url="https://argument.example", proxies=[])
    assert made.settings.base_url == "https://argument.example"
    assert (made.settings.language, made.settings.brand.name, made.settings.proxies) == ("de", "Environment", ())
    assert made.settings.session == SessionLimits(idle=HOUR)
    made.store.migrate()
    assert (tmp_path / "argument.sqlite3").exists()
    assert not (tmp_path / "environment.sqlite3").exists()


def test_objects_are_taken_as_they_are():
    brand, session = Brand(name="Example", colour="#005f73"), SessionLimits(idle=HOUR, absolute=DAY)
    made = auth(brand=brand, session=session, limits={"sign_in_account": "3/h"})
    assert (made.settings.brand, made.settings.session) == (brand, session)
    assert made.settings.limits == {"sign_in_account": "3/h"}


def test_production_starts_with_everything_that_it_needs():
    assert auth(PRODUCTION).settings.is_production
    smtp = SMTP(host="mail.example.org", sender="no-reply@example.org")
    assert auth(mode="production", secret=SECRET, base_url="https://example.org", smtp=smtp).settings.is_production


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        (("WATCHWORD_SECRET",), "WATCHWORD_SECRET"),
        (("WATCHWORD_BASE_URL",), "WATCHWORD_BASE_URL"),
        (("WATCHWORD_SMTP", "WATCHWORD_SENDER"), "WATCHWORD_SMTP"),
    ],
)
def test_production_names_the_thing_that_is_missing(tmp_path: Path, missing: tuple[str, ...], named: str):
    message = refusal(without(*missing))
    assert message.startswith("Watchword does not start in production mode:\n  - ")
    assert named in message
    assert message.count("\n") == 1, "and nothing else"
    assert list(tmp_path.iterdir()) == []


def test_production_names_everything_that_is_missing_at_once(tmp_path: Path):
    message = refusal(mode="production")
    assert [name in message for name in ("WATCHWORD_SECRET", "WATCHWORD_BASE_URL", "WATCHWORD_SMTP")] == [True] * 3
    assert message.count("\n  - ") == 3
    assert list(tmp_path.iterdir()) == [], "no development secret is made"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"WATCHWORD_SECRET": "development-" + "x" * 52}, "the secret is a development one"),
        ({"WATCHWORD_SECRET": f"{SECRET},development-" + "x" * 52}, "the secret is a development one"),
        ({"WATCHWORD_SECRET": "too short"}, "fewer than 32 characters"),
        ({"WATCHWORD_BASE_URL": "http://example.org"}, "it must begin with 'https://'"),
        ({"WATCHWORD_BASE_URL": "example.org"}, "https://example.org"),
        ({"WATCHWORD_BASE_URL": "https://"}, "https://example.org"),
        ({"WATCHWORD_BASE_URL": "https://user:password@example.org"}, "https://example.org"),
        ({"WATCHWORD_BASE_URL": "https://example.org?x"}, "https://example.org"),
        ({"WATCHWORD_MODE": "prod"}, "'development' or 'production'"),
        ({"WATCHWORD_SENDER": ""}, "WATCHWORD_SENDER"),
        ({"WATCHWORD_SMTP": "mail.example.org"}, "smtp://user:password@host:587"),
        ({"WATCHWORD_SECRETS": SECRET}, "WATCHWORD_SECRETS: no such setting"),
    ],
)
def test_production_refuses_what_is_not_safe_and_says_how_to_mend_it(
    tmp_path: Path, environ: dict[str, str], said: str
):
    message = refusal({**PRODUCTION, **environ})
    assert said in message
    assert SECRET not in message
    assert list(tmp_path.iterdir()) == []


def test_production_names_a_weak_secret_with_all_else_that_is_wrong():
    message = refusal({"WATCHWORD_MODE": "production", "WATCHWORD_SECRET": "too short"})
    assert [part in message for part in ("32 characters", "WATCHWORD_BASE_URL", "WATCHWORD_SMTP")] == [True] * 3


def test_production_sends_no_mail_in_clear_text_but_to_this_machine():
    environ = without("WATCHWORD_SMTP", "WATCHWORD_SENDER")
    clear = SMTP(host="mail.example.org", sender="no-reply@example.org", security="none")
    assert "mail would leave in clear text" in refusal(environ, smtp=clear)
    assert auth(environ, smtp=SMTP(host="127.0.0.1", sender="no-reply@example.org", security="none"))


def test_production_asks_for_https_but_on_this_machine():
    assert auth({**PRODUCTION, "WATCHWORD_BASE_URL": "http://localhost:8000"}).settings.is_production


def test_production_hashes_passwords_with_no_less_than_owasp_asks():
    """CB-142."""
    assert "OWASP" in refusal(PRODUCTION, password=Password(figures=CHEAP))
    assert auth(PRODUCTION, password=Password(figures=Figures(memory=19_456, iterations=2)))


def test_production_starts_on_no_database_that_was_not_migrated():
    made = Auth(environ=PRODUCTION)
    with pytest.raises(ConfigurationError, match="watchword migrate"):
        made.start()
    made.store.migrate()
    made.start()
    made.stop()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"secret": "too short"}, "fewer than 32 characters"),
        ({"mode": "prod"}, "'development' or 'production'"),
        ({"base_url": "example.org"}, "https://example.org"),
        ({"brand": Brand(colour="blue")}, "#"),
        ({"limits": {"sign_in": "1/h"}}, "no limit is called 'sign_in'"),
        ({"limits": {"sign_in_account": "often"}}, "sign_in_account"),
        ({"proxies": ["everyone"]}, "everyone"),
        ({"store": "mysql://localhost/x"}, "postgresql://"),
        ({"configuration": {"secret": SECRET}}, "WATCHWORD_SECRET"),
        ({"configuration": {"colour": "#fff"}}, "no such setting"),
        ({"environ": {"WATCHWORD_COLOR": "#fff"}}, "WATCHWORD_BRAND_COLOUR"),
    ],
)
def test_a_mistake_in_development_is_told_at_the_start_too(arguments: dict[str, Any], said: str):
    assert said in refusal(**arguments)


def test_the_link_of_the_first_admin_is_an_address_of_this_site():
    made = Auth(environ={})
    made.store.migrate()
    link = made.first_admin_link("http://localhost:8000")
    made.stop()
    assert link
    assert link.startswith("http://localhost:8000/auth/setup/")


def test_every_process_that_starts_at_once_has_the_same_secret(tmp_path: Path):
    program = "from watchword import Auth; a = Auth(); print(a.services.keyring.mac('code', b'1').hex()); a.stop()"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("WATCHWORD_")}
    started = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environ)
        for _ in range(4)
    ]
    answers = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0] * 4
    assert len(set(answers)) == 1


def test_a_second_factor_policy_that_nobody_could_meet_stops_the_start(sqlite_url: str):
    """Required, with no method that sets one up; or for a role that there is not."""
    from watchword import RecoveryCodes, SecondFactor

    with pytest.raises(ConfigurationError, match="no method can set one up"):
        Auth(store=sqlite_url, environ={}, second_factor=SecondFactor(mode="required"), methods=[RecoveryCodes()])
    with pytest.raises(ConfigurationError, match="role 'boss'"):
        Auth(store=sqlite_url, environ={}, second_factor=SecondFactor(mode="required", roles=("boss",)))


def test_the_second_factor_policy_comes_from_the_settings_file(sqlite_url: str):
    """`[second_factor]` of watchword.toml."""
    policy = {"mode": "required", "roles": ["admin"], "grace": "14 days"}
    auth = Auth(store=sqlite_url, environ={}, configuration={"second_factor": policy})
    found = auth.settings.second_factor
    assert (found.mode, found.roles, found.grace) == ("required", ("admin",), 14 * 86_400_000)
    auth.stop()
    with pytest.raises(ConfigurationError, match="mode is 'on'"):
        Auth(store=sqlite_url, environ={}, configuration={"second_factor": {"mode": "on"}})
