"""Session tokens: `wws_`, an id that is no secret, and 256 secret bits. Only the SHA-256 of the whole is stored."""

import re

from watchword.foundation.encodings import base32_encode
from watchword.foundation.secrets import Secret, random_bytes

_SHAPE = re.compile(r"wws_([a-z2-7]{26})([a-z2-7]{52})\Z")


def new_token(session_id: str) -> Secret:
    """Return a new token of the session `ses_…`."""
    return Secret(f"wws_{session_id.removeprefix('ses_')}{base32_encode(random_bytes(32))}")


def session_id_of(token: str) -> str | None:
    """Return the id of the session that the token claims to be of, or `None` where it has not a token's shape."""
    match = _SHAPE.match(token)
    return f"ses_{match[1]}" if match else None
