"""The codes: which time step one is of, and how a secret gets into an app."""

import base64
from typing import Final, final

import msgspec

from watchword.foundation.clock import SECOND
from watchword.foundation.secrets import Secret, random_bytes

SECRET_BYTES: Final = 20
"""160 bits, the length of the HMAC's hash (RFC 4226, section 4, R6; A97)."""
STEP: Final = 30 * SECOND
WINDOW: Final = 1
"""Steps before and after the present one whose code counts: clocks differ, and typing takes time (RFC 6238, 5.2)."""
DIGITS: Final = 6


@final
class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """A secret on its way into an app. Shown once; nothing counts until a code of it comes back.

    Attributes:
        attempt: to be sent back with the first code.
        secret: for typing, base32.
        uri: `otpauth://totp/…`, for a link on the phone itself.
        qr: the same as a QR code: an SVG picture as a `data:` address.
    """

    attempt: str
    secret: str
    uri: str
    qr: str


def new_secret() -> bytes:
    """Return a new secret."""
    return random_bytes(SECRET_BYTES)


def step_of(secret: bytes, code: Secret, now: int, *, after: int) -> int | None:
    """Return the time step that the code is of, within the window around `now` (milliseconds) and later than `after`.

    All codes of the window are computed and compared in constant time, whichever matches.
    """
    from pyotp.totp import TOTP

    totp, present = TOTP(_base32(secret), digits=DIGITS), now // STEP
    steps = range(present - WINDOW, present + WINDOW + 1)
    matching = [step for step in steps if code.matches(totp.generate_otp(step)) and step > after]
    return matching[-1] if matching else None


def enrolment(attempt: str, secret: bytes, *, account: str, issuer: str) -> Enrolment:
    """Return what the person needs to put the secret into an app (Google's key URI format, which all apps read)."""
    import segno
    from pyotp.totp import TOTP

    uri = TOTP(_base32(secret), digits=DIGITS).provisioning_uri(name=account, issuer_name=issuer)
    picture = segno.make_qr(uri, error="m").svg_data_uri(scale=4, border=4, light="#fff", dark="#000")
    return Enrolment(attempt=attempt, secret=_base32(secret), uri=uri, qr=picture)


def _base32(secret: bytes) -> str:
    return base64.b32encode(secret).decode()
