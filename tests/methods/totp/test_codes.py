"""Codes of an authenticator app, against the vectors of RFC 6238."""

import base64

import pytest

from watchword.foundation.secrets import Secret
from watchword.methods.totp.codes import SECRET_BYTES, STEP, enrolment, new_secret, step_of

# RFC 6238, appendix B, SHA-1: seconds, and the last six of the eight digits there.
VECTORS = (
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
)
RFC_SECRET = b"12345678901234567890"


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_rfc_6238_a_code_is_of_its_time_step(seconds: int, code: str):
    """The vectors of appendix B."""
    assert step_of(RFC_SECRET, Secret(code), seconds * 1000, after=-1) == seconds // 30


@pytest.mark.parametrize(("steps", "counts"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_counts_one_step_before_and_after_its_time(steps: int, counts: bool):
    """The window is plus and minus one step."""
    found = step_of(RFC_SECRET, Secret("005924"), (1234567890 + 30 * steps) * 1000, after=-1)
    assert (found is not None) == counts


def test_a_code_of_a_step_that_was_used_does_not_count():
    """Only steps later than the last one count."""
    now = 1234567890 * 1000
    assert step_of(RFC_SECRET, Secret("005924"), now, after=now // STEP) is None
    assert step_of(RFC_SECRET, Secret("005924"), now, after=now // STEP - 1) == now // STEP


def test_cb_190_a097_a_secret_has_160_random_bits():
    """As long as the hash, and never the same."""
    assert SECRET_BYTES * 8 == 160
    assert len({new_secret() for _ in range(100)}) == 100
    assert {len(new_secret()) for _ in range(10)} == {20}


def test_cb_194_a_secret_is_shared_as_a_key_uri_and_a_picture():
    """The URI names site and account, and the picture is SVG without anything from elsewhere."""
    shown = enrolment("att_1", RFC_SECRET, account="ada@example.org", issuer="Example & Co")
    assert shown.uri == (
        "otpauth://totp/Example%20%26%20Co:ada%40example.org"
        "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example%20%26%20Co"
    )
    assert base64.b32decode(shown.secret) == RFC_SECRET
    assert shown.qr.startswith("data:image/svg+xml")
