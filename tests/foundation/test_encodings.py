"""base32 and base64url with one spelling for any bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.foundation.encodings import (
    EncodingError,
    base32_decode,
    base32_encode,
    base64url_decode,
    base64url_encode,
)

CODECS = [(base32_encode, base32_decode), (base64url_encode, base64url_decode)]
codecs = pytest.mark.parametrize(("encode", "decode"), CODECS, ids=["base32", "base64url"])


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"", ""), (b"f", "my"), (b"fo", "mzxq"), (b"foo", "mzxw6"), (b"foob", "mzxw6yq"), (b"fooba", "mzxw6ytb"),
     (b"foobar", "mzxw6ytboi")],
)  # fmt: skip
def test_base32_gives_the_vectors_of_rfc_4648_in_lower_case_without_padding(data: bytes, text: str):
    assert base32_encode(data) == text
    assert base32_decode(text) == data


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"", ""), (b"f", "Zg"), (b"fo", "Zm8"), (b"foo", "Zm9v"), (b"foobar", "Zm9vYmFy"),
     (bytes([3, 236, 255, 224, 193]), "A-z_4ME")],
)  # fmt: skip
def test_base64url_gives_the_vectors_of_rfc_4648_and_rfc_7515(data: bytes, text: str):
    """RFC 4648, section 10; RFC 7515, appendix C."""
    assert base64url_encode(data) == text
    assert base64url_decode(text) == data


@codecs
@given(data=st.binary(max_size=200))
def test_bytes_come_back_as_they_went(encode, decode, data: bytes):
    assert decode(encode(data)) == data


@codecs
@given(text=st.text(max_size=40) | st.text("abzAZ0279-_+/= \n", max_size=40))
def test_a028_a_text_is_the_one_spelling_of_its_bytes_or_an_encoding_error(encode, decode, text: str):
    try:
        data = decode(text)
    except EncodingError:
        return
    assert encode(data) == text


@pytest.mark.parametrize(
    "text", ["MY", "my======", "m y", "my\n", "m", "mz", "m1", "m0", "m8", "mzx", "mзxq", "\ud800", "ſy", "my\0"]
)
def test_base32_refuses_other_letters_padding_and_bits_left_over(text: str):
    with pytest.raises(EncodingError):
        base32_decode(text)


@pytest.mark.parametrize(
    "text", ["Zg==", "Z", "Zh", "Zm9", "Z g", "Zg\n", "Zg\0", "+/+/", "Zé", "Zg=", "=", "\ud800\ud800", "Zm9v="]
)
def test_base64url_refuses_other_letters_padding_and_bits_left_over(text: str):
    with pytest.raises(EncodingError):
        base64url_decode(text)


def test_an_encoding_error_does_not_repeat_the_text():
    """It may be a token cut or altered: nothing of it goes to a log."""
    for decode in (base32_decode, base64url_decode):
        with pytest.raises(EncodingError) as refused:
            decode("canary!canary!")
        assert "canary" not in str(refused.value)
