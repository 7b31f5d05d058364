"""Bodies in chunks: what may be sent is sent at once, a tainted value never whole, wherever the chunks are cut."""

import base64
import html
import json
from collections.abc import Iterable
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchword import Secret, taint_unique_value
from watchword.foundation.ids import new_id
from watchword.foundation.secrets import random_secret
from watchword.methods.password.hashing import Figures, PasswordHasher
from watchword.policy.taint import registry
from watchword.policy.taint_filter import TaintFound, TaintStream, scan
from watchword.sessions.token import new_token

KEY = "sk-live/Ké\"y&0123 abc+def=gh'ij<kl>"
ENCODED = [
    KEY,
    json.dumps(KEY),
    json.dumps(KEY, ensure_ascii=False),
    html.escape(KEY),
    html.escape(json.dumps(KEY)),
    quote(KEY),
    quote(KEY, safe=""),
    KEY.encode().hex(),
    *(base64.b64encode(b"x" * ahead + KEY.encode() + b"rest").decode() for ahead in range(3)),
    base64.urlsafe_b64encode(KEY.encode()).decode(),
]
AROUND = len("&quot;")
"""The most that is sent of what an encoder puts around a value, or of what is base64 of other bytes too."""


class Lifetime:
    """What values are tainted for, in these tests."""


@pytest.fixture(scope="module", autouse=True)
def lifetime() -> Iterable[Lifetime]:
    lifetime = Lifetime()
    taint_unique_value("not this", lifetime, KEY)
    yield lifetime


def sent_of(chunks: Iterable[bytes]) -> tuple[bytes, bool]:
    """What a stream lets through of the chunks, and whether it stopped them."""
    stream, sent = TaintStream(), b""
    try:
        for chunk in chunks:
            sent += stream.feed(chunk)
        return sent + stream.finish(), False
    except TaintFound:
        return sent, True


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    ends = sorted({0, len(data), *(place for place in places if place < len(data))})
    return [data[begin:end] for begin, end in pairwise(ends)]


@pytest.mark.parametrize("written", ENCODED)
def test_a_value_is_stopped_wherever_the_chunks_are_cut(written: str):
    before, after = b"event: \xc3\xa9\ndata: {", b"}\n\n"
    body = before + written.encode() + after
    for place in range(1, len(body)):
        for chunks in (cut(body, [place]), cut(body, [place, place + 1]), cut(body, range(place % 7, len(body), 7))):
            sent, stopped = sent_of(chunks)
            assert stopped
            assert len(sent) <= len(before) + AROUND, sent


@pytest.mark.parametrize("written", ENCODED)
def test_a_value_is_stopped_byte_by_byte(written: str):
    sent, stopped = sent_of(bytes([byte]) for byte in b"data: " + written.encode() + b"\n\n")
    assert stopped
    assert len(sent) <= len(b"data: ") + AROUND


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=20))
@settings(deadline=None)
def test_what_holds_nothing_tainted_arrives_unchanged(body: bytes, places: list[int]):
    assert sent_of(cut(body, places)) == (body, scan(body) is not None)


@given(
    st.lists(
        st.sampled_from([KEY[:9], KEY[9:], KEY[:-1], "wws_", "a" * 40, "$argon2id$v=", "sk", "\\", "&", "%2", "\n"])
    ),
    st.lists(st.integers(0, 300), max_size=20),
)
@settings(deadline=None)
def test_a_stream_stops_exactly_what_the_filter_of_whole_bodies_stops(parts: list[str], places: list[int]):
    body = "".join(parts).encode()
    sent, stopped = sent_of(cut(body, places))
    assert stopped == (scan(body) is not None)
    if not stopped:
        assert sent == body


def test_tokens_and_hashes_are_stopped_byte_by_byte_in_every_encoding():
    stored = PasswordHasher(Figures(memory=8, iterations=1)).hash(Secret("analytical engine"))
    for secret in (new_token(new_id("ses")).reveal(), str(stored)):
        data = secret.encode()
        for written in (
            data,
            quote(data, safe="").encode(),
            data.hex().encode(),
            *map(base64.b64encode, (data, b"x" + data, b"xy" + data)),
        ):
            sent, stopped = sent_of(bytes([byte]) for byte in b"data: " + written + b"\n\n")
            assert stopped
            assert len(sent) <= len(b"data: ") + AROUND


def test_events_without_secrets_flow_at_once(lifetime: Lifetime):
    for _ in range(50):
        taint_unique_value("not this", lifetime, random_secret().reveal())
    stream = TaintStream()
    for event in (b'event: tick\ndata: {"number": 1}\n\n', b"data: w\n\n", b": keep alive\n\n", b"retry: 10\r\n\r\n"):
        assert stream.feed(event) == event


def test_only_the_tail_that_may_begin_a_value_is_held_back():
    stream = TaintStream()
    assert stream.feed(b"The key is " + KEY[:12].encode()) == b"The key is "
    assert stream.feed(b"!") == KEY[:12].encode() + b"!"
    assert stream.feed(KEY[:12].encode()) == b""
    assert stream.finish() == KEY[:12].encode()


def test_after_a_find_nothing_more_is_sent():
    stream = TaintStream()
    with pytest.raises(TaintFound, match=r"not this \(found as text\)") as found:
        stream.feed(b"The key is " + KEY.encode())
    assert found.value.taint.message == "not this"
    for call in (lambda: stream.feed(b"more"), stream.finish):
        with pytest.raises(TaintFound):
            call()


def test_a_value_tainted_while_a_stream_is_under_way_is_stopped(lifetime: Lifetime):
    stream, late = TaintStream(), random_secret().reveal()
    assert stream.feed(b"hello\n") == b"hello\n"
    taint_unique_value("late", lifetime, late)
    with pytest.raises(TaintFound, match="late"):
        stream.feed(late.encode())


def test_values_are_found_everywhere_in_a_large_body(lifetime: Lifetime):
    """With so many values that only every third byte is looked at, block by block."""
    many = [random_secret(25).reveal() for _ in range(120)]
    for value in many:
        taint_unique_value("not this", lifetime, value)
    filler = json.dumps({"text": "the quick brown fox, 12345", "list": [1, 2, 3]}).encode() * 10_000
    assert scan(filler) is None
    for place in (0, 1, 2, 196_600, 196_608 - 13, 196_607, 300_001, len(filler)):
        for written in (
            many[place % 120].encode(),
            base64.b64encode(many[7].encode()),
            many[3].encode().hex().encode(),
        ):
            assert scan(filler[:place] + written + filler[place:]), place


@pytest.mark.parametrize(
    "piece", [b"wws_", b"d3dzX", b"argon2id", b"$argon2id$v=" + b"a" * 48 + b" ", b"d3c1", KEY[:-1].encode()]
)
def test_a_hostile_body_full_of_beginnings_is_compared_in_parts_that_do_not_overlap(piece: bytes):
    body = piece * (200_000 // len(piece))
    compared = [
        (form, begin, end)
        for part in registry.parts()
        for search in part.searches
        for form, begin, end in search.candidates(body)
    ]
    by_form: dict[object, int] = {}
    for form, begin, end in compared:
        by_form[form] = by_form.get(form, 0) + end - begin
    assert all(length <= len(body) + 2 * 1000 for length in by_form.values())
    assert scan(body) is None


def test_keys_that_begin_and_end_alike_are_told_apart(lifetime: Lifetime):
    def key() -> str:
        body = "".join(random_secret(32).reveal() for _ in range(20))
        return (
            f"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj{body}\n-----END PRIVATE KEY-----\n"
        )

    ours, other = [key() for _ in range(30)], key()
    for value in ours:
        taint_unique_value("not this", lifetime, value)
    for encode in (str.encode, lambda text: json.dumps(text).encode(), lambda text: base64.b64encode(text.encode())):
        assert all(scan(encode(value)) for value in ours)
        assert scan(encode(other)) is None
