"""E-mail addresses: what is one, which two are the same, and which tricks are none."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchword.foundation.errors import FieldError
from watchword.identity.email_address import MAXIMUM_LENGTH, EmailAddress, email_key, masked, parse_email_address

TRICKY = "aAzZ019._+-@ ,;<>()\"'\\=?\0\r\n\t\u00a0\u00ad\u0130\u0131\u017f\u200b\u200d\u212a\u3002\u0430\u00e9e\u0301ßö＠．ａxn"


def parsed(text: str) -> EmailAddress:
    found = parse_email_address(text)
    assert isinstance(found, EmailAddress), text
    return found


def refused(text: str) -> bool:
    return isinstance(parse_email_address(text), FieldError)


@pytest.mark.parametrize(
    "text",
    ["ada@example.org", "ada@mail.test", "a.b-c_d+e@sub.example.com", "o'neil@example.org", "1@example.org",
     "ada@münchen.example.de", "x" * 64 + "@example.org"],
)  # fmt: skip
def test_an_ordinary_address_is_taken_as_it_was_written(text: str):
    assert text == parsed(text).address


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        ("ada@MÜNCHEN.de", "ada@münchen.de"),
        ("ada@münchen.de", "ada@xn--mnchen-3ya.de"),
        ("ada@XN--MNCHEN-3YA.de", "ada@xn--mnchen-3ya.de"),
    ],
)
def test_cb_092_two_spellings_of_one_mail_box_share_a_key(one: str, other: str):
    assert parsed(one).key == parsed(other).key
    assert parsed(one).key.isascii()


def test_cb_100_the_tag_after_a_plus_stays():
    assert parsed("Ada+News@example.org").key == "ada+news@example.org"
    assert parsed("ada+news@example.org").key != parsed("ada@example.org").key


def test_letters_that_differ_only_for_old_software_are_two_domains():
    """IDNA 2008 keeps ß apart from ss; a Cyrillic twin has A-labels of its own."""
    assert parsed("ada@faß.de").key != parsed("ada@fass.de").key
    assert parsed("ada@аррӏе.com").key == "ada@xn--80ak6aa92e.com"


@pytest.mark.parametrize(
    "text",
    ["", "@", "ada", "ada@", "@example.org", "ada.example.org", "ada@example", "ada@localhost", "ada@.org",
     "ada@example..org", "ada@example.org.", "ada@-example.org", ".ada@example.org", "ada.@example.org",
     "a..da@example.org", "ada@127.0.0.1", "ada@[127.0.0.1]", "ada@[IPv6:::1]", "ada@example.123", "ada@xn--a.org"],
)  # fmt: skip
def test_cb_094_to_096_what_has_not_the_parts_of_an_address_is_refused(text: str):
    assert refused(text)


@pytest.mark.parametrize("space", [" ", "\t", "\n", "\r\n", "\u00a0", "\u200b", "\ufeff", "\0"])
def test_cb_097_space_around_or_inside_is_refused_and_not_trimmed(space: str):
    for text in (
        f"{space}ada@example.org",
        f"ada@example.org{space}",
        f"ada{space}@example.org",
        f"a{space}da@example.org",
    ):
        assert refused(text)


def test_cb_098_an_address_of_254_characters_is_taken_and_one_of_255_is_not():
    def address(length: int) -> str:
        return f"{'x' * 64}@{'b' * 63}.{'c' * 63}.{'d' * (length - 197)}.org"

    assert len(parsed(address(MAXIMUM_LENGTH)).key) == MAXIMUM_LENGTH == 254
    assert refused(address(MAXIMUM_LENGTH + 1))
    assert refused("x" * 65 + "@example.org")


@pytest.mark.parametrize(
    "text",
    ["a@example.org,b@example.org", "a@example.org b@example.org", "a@example.org;b@example.org",
     "a@x,b@example.org", "a@example.org\nb@example.org", "a@example.org%0ab@example.org", "<a@example.org>",
     "Ada <a@example.org>"],
)  # fmt: skip
def test_a058_two_addresses_or_a_name_with_one_are_refused(text: str):
    assert refused(text)


@pytest.mark.parametrize(
    "text", ["ada@example.org\r\nBcc: eve@example.org", "ada@example.org\nBcc:eve", "ada\r@example.org"]
)
def test_a058_a_line_break_for_the_mail_headers_is_refused(text: str):
    assert refused(text)


@pytest.mark.parametrize(
    "text",
    ["ada＠example.org", "ada﹫example.org", "ada@ｅxample.org", "ada@example．org", "ada@example。org",
     "ada@\u212aelvin.org", "ada@ex\u00adample.org", "ada@ex\u200dample.org", "ada@ex\ufe0fample.org", "ada@mail。example.org", "ada@e\u0301xample.org"],
)  # fmt: skip
def test_a060_what_normalises_to_another_address_is_refused(text: str):
    """Full-width at sign, letters and dot, the Kelvin sign, invisible letters, a letter composed by NFC."""
    assert refused(text)


@pytest.mark.parametrize(
    "letter", ["\u0131", "\u0130", "\u017f", "\u212a", "\u0430", "é", "ａ", "\u00df", "\U0001d41a"]
)
def test_a061_a_letter_outside_ascii_in_the_local_part_is_refused(letter: str):
    assert refused(f"m{letter}ke@example.org")


@pytest.mark.parametrize(
    "text",
    ["a@evil@corp.example", "a@evil.example@corp.example", '"a@evil.example"@corp.example', '"ada"@example.org',
     '"a b"@example.org', "=?utf-8?q?a=40evil.example?=@example.org", "=?x?b?YQ?=@example.org",
     "ada(comment)@example.org", "ada@(comment)example.org", "ada@example.org(comment)", "a\\@b@example.org",
     "ada%evil.example@[10.0.0.1]"],
)  # fmt: skip
def test_a062_quoted_encoded_and_commented_forms_are_refused(text: str):
    assert refused(text)


def test_the_refusal_names_the_field_and_what_was_expected():
    found = parse_email_address("none", "new_email")
    assert found == FieldError("new_email", "an e-mail address such as name@example.org", reason="email_invalid")


@pytest.mark.parametrize(
    "text",
    [
        "a" * 10_000,
        "a@" * 5_000,
        "@" * 10_000,
        "a." * 5_000 + "@b",
        " " * 10_000,
        "ß" * 10_000,
        "a@" + "\u0300\u0316" * 5_000 + ".org",
    ],
)
def test_cb_093_ten_thousand_characters_are_refused_within_a_millisecond(text: str):
    spent: list[float] = []
    for _ in range(10):
        begin = time.perf_counter()
        assert refused(text)
        spent.append(time.perf_counter() - begin)
    assert min(spent) < 0.001


@given(st.text() | st.text(TRICKY, max_size=300) | st.text(TRICKY, max_size=40).map(lambda text: f"a@{text}.org"))
def test_any_text_is_an_address_or_a_refusal_and_never_an_error(text: str):
    found = parse_email_address(text)
    if isinstance(found, FieldError):
        return
    assert text == found.address
    assert text.count("@") == 1
    assert text.isprintable()
    assert " " not in text


@given(st.from_regex(r"[A-Za-z0-9]{1,8}(\.[A-Za-z0-9]{1,8})?@[a-zA-Zäöß]{1,12}\.(org|test)", fullmatch=True))
def test_a_key_is_an_address_whose_key_is_itself(text: str):
    found = parse_email_address(text)
    if isinstance(found, EmailAddress):
        assert found.key == parsed(found.key).key


@given(
    st.from_regex(r"[A-Za-z0-9]{1,8}@([a-zA-Zäöß0-9-]{1,12}\.){1,3}(org|TEST)", fullmatch=True)
    | st.text(TRICKY, max_size=300)
)
def test_what_is_typed_to_sign_in_leads_where_the_address_leads_and_else_nowhere(text: str):
    found = parse_email_address(text)
    if isinstance(found, EmailAddress):
        assert email_key(text) == found.key
    else:
        refused_or_itself = parse_email_address(email_key(text))
        assert isinstance(refused_or_itself, FieldError) or refused_or_itself.key != email_key(text)


def test_what_is_typed_past_the_longest_address_is_nobodys():
    longest = "x" * 64 + "@" + "example." * 23 + "org"
    assert email_key(longest) == parsed(longest).key
    padded = "a@" + "example." * 31 + "org"
    assert len(email_key(padded + "x" * 1_000)) == MAXIMUM_LENGTH + 1


def test_a_masked_address_shows_one_letter_and_the_domain():
    assert masked("ada@example.org") == "a…@example.org"
    assert masked("a@example.org") == "a…@example.org"
