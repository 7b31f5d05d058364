"""`sealed_session()`: typed data in one sealed cookie, in Starlette, FastAPI, Flask and Django alike.

Their requests all have the cookies as a mapping and their responses all have `set_cookie()`, so one class serves them.
The format is iron-session's, both ways: a Next.js front end reads and writes the same cookie.
"""

from collections.abc import Mapping
from typing import Any, Generic, Protocol, TypeVar, final

import msgspec

from watchword.foundation.clock import Clock, SystemClock
from watchword.foundation.errors import ConfigurationError, WatchwordError
from watchword.http.cookies import MAXIMUM_AGE
from watchword.tokens.refused import TokenRefused
from watchword.tokens.sealed import FOURTEEN_DAYS, SKEW, passwords_of, seal, unseal

LARGEST_COOKIE = 4096
"""Bytes of name, value and attributes; a browser drops what is larger, without a word (RFC 6265bis, section 5.6)."""
_ATTRIBUTES = len("; HttpOnly; Max-Age=; Path=/; SameSite=Strict; Secure; expires=Thu, 01 Jan 1970 00:00:00 GMT") + 10
Data = TypeVar("Data")


class CookieResponse(Protocol):
    """A response of Starlette, FastAPI, Flask or Django."""

    def set_cookie(self, key: str, value: str = "", *args: Any, **kwargs: Any) -> Any:
        """Add a `Set-Cookie` line."""
        ...


class SealedSessionError(WatchwordError):
    """The session can't be saved: it is too large for a cookie, or was destroyed."""


@final
class SealedSession(Generic[Data]):
    """The data of one browser, for the length of one request.

    Attributes:
        data: what the cookie held, or a new value of the type; change it, then `save()`.
        is_new: whether the browser sent nothing that could be read.
    """

    def __init__(self, kind: "SealedSessions[Data]", data: Data, *, is_new: bool) -> None:
        self.data = data
        self.is_new = is_new
        self._kind = kind
        self._destroyed = False

    def save(self, response: CookieResponse) -> None:
        """Write the data into the response's cookie.

        Raises:
            SealedSessionError: the browser would drop so large a cookie; or the session was destroyed: to save it again
                would sign the person in again.
        """
        if self._destroyed:
            raise SealedSessionError("this session was destroyed: open a new one in the next request")
        self._kind.write(response, self.data)

    def destroy(self, response: CookieResponse) -> None:
        """Take the cookie away."""
        self._destroyed = True
        self._kind.clear(response)


@final
class SealedSessions(Generic[Data]):
    """A kind of session: its cookie, its password and the type of its data. Made by `sealed_session()`."""

    def __init__(  # noqa: PLR0917
        self,
        type_: type[Data],
        cookie_name: str,
        password: str | Mapping[int, str],
        ttl: int,
        secure: bool,
        clock: Clock,
    ) -> None:
        if ttl < 0:
            raise ConfigurationError("the time to live of a sealed session is 0 (no end) or a number of seconds")
        self._type = type_
        self._name = cookie_name
        self._passwords = passwords_of(password)
        self._ttl = ttl
        self._secure = secure
        self._clock = clock

    def open(self, cookies: Mapping[str, str]) -> SealedSession[Data]:
        """Return the session of the browser that sent these cookies: `request.cookies`, in Django `request.COOKIES`.

        A cookie that is not there, was altered, has ended or holds other data gives a new session.
        """
        sealed = cookies.get(self._name)
        if sealed:
            try:
                data = unseal(sealed, self._passwords, now=self._clock.now()).data
                return SealedSession(self, msgspec.convert(data, self._type), is_new=False)
            except (TokenRefused, msgspec.ValidationError):
                pass
        return SealedSession(self, self._type(), is_new=True)

    def write(self, response: CookieResponse, data: Data) -> None:
        """Set the cookie to this data.

        Raises:
            SealedSessionError: it would be larger than a browser keeps.
        """
        sealed = seal(msgspec.to_builtins(data), self._passwords, now=self._clock.now(), ttl=self._ttl)
        size = len(self._name) + 1 + len(sealed) + _ATTRIBUTES
        if size > LARGEST_COOKIE:
            raise SealedSessionError(
                f"the cookie {self._name!r} would have {size} bytes, and browsers drop more than {LARGEST_COOKIE}: "
                "keep less in it, for example an id"
            )
        life = self._ttl - SKEW if self._ttl > SKEW else self._ttl
        self._set(response, sealed, min(life, MAXIMUM_AGE) if self._ttl else MAXIMUM_AGE)

    def clear(self, response: CookieResponse) -> None:
        """Make the browser forget the cookie."""
        self._set(response, "", 0)

    def _set(self, response: CookieResponse, value: str, max_age: int) -> None:
        response.set_cookie(
            self._name, value, max_age=max_age, path="/", secure=self._secure, httponly=True, samesite="lax"
        )


def sealed_session(
    type_: type[Data],
    *,
    cookie_name: str,
    password: str | Mapping[int, str],
    ttl: int = FOURTEEN_DAYS,
    secure: bool = True,
    clock: Clock | None = None,
) -> SealedSessions[Data]:
    """Return a kind of session whose data the browser keeps, sealed.

    It is not Watchword's session: it can't be revoked, and whoever copied the cookie has its data until it ends.

    For example: `carts = sealed_session(Cart, cookie_name="cart", password=os.environ["CART_PASSWORD"])`, then in a
    handler `cart = carts.open(request.cookies)`, and `cart.save(response)`.

    Args:
        type_: of the data: a msgspec struct or dataclass whose fields all have defaults, or `dict`.
        cookie_name: what the cookie is called.
        password: at least 32 random characters; or several by number, the highest of which seals: so it is changed
            without losing anyone's data.
        ttl: seconds that the data lives; 0 for as long as the browser keeps it.
        secure: whether the cookie goes over https alone; `False` for plain http in development.
        clock: what tells the time.

    Raises:
        ConfigurationError: a password is too short.
    """
    return SealedSessions(type_, cookie_name, password, ttl, secure, clock or SystemClock())
