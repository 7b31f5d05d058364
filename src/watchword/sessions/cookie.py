"""The names of Watchword's cookies, and how they are set."""

from dataclasses import dataclass
from typing import final

from watchword.foundation.secrets import Secret
from watchword.foundation.settings import Settings
from watchword.http.cookies import clear_cookie, set_cookie


@final
@dataclass(frozen=True, slots=True)
class Cookies:
    """Cookies of one site: `__Host-` and `Secure`, but for plain-http localhost in development.

    Attributes:
        secure: whether the site is reached by https.
        domain: whose hosts all get the session, `example.org`; `None` for this host alone.
    """

    secure: bool
    domain: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Cookies":
        """Return the cookies for these settings: only plain http in development does without `Secure`."""
        secure = settings.is_production or (settings.base_url or "").startswith("https:")
        # Plain-http localhost has no other hosts, and its ports share cookies as it is.
        return cls(secure, settings.cookie_domain if secure else None)

    @property
    def session(self) -> str:
        """Name of the session cookie."""
        if self.domain is not None:
            return "__Secure-watchword"
        return "__Host-watchword" if self.secure else "watchword"

    @property
    def browser(self) -> str:
        """Name of the cookie that binds attempts, and the memory of known browsers, to one browser."""
        return "__Host-watchword-browser" if self.secure else "watchword-browser"

    def set_session(self, token: Secret, max_age: int) -> str:
        """Return the `Set-Cookie` value that hands the session to the browser; `max_age` in seconds."""
        return set_cookie(self.session, token.reveal(), max_age=max_age, secure=self.secure, domain=self.domain)

    def set_browser(self, secret: Secret, max_age: int) -> str:
        """Return the `Set-Cookie` value that names the browser; `max_age` in seconds."""
        return set_cookie(self.browser, secret.reveal(), max_age=max_age, secure=self.secure)

    def clear_session(self) -> str:
        """Return the `Set-Cookie` value that takes the session away."""
        return clear_cookie(self.session, secure=self.secure, domain=self.domain)
