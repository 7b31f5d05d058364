"""An issuer's keys are read once for all who ask, again when they change, and used for a bounded time without it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from watchword.foundation.clock import SECOND, ManualClock
from watchword.outgoing import key_source
from watchword.outgoing.fetch import FetchError
from watchword.outgoing.key_source import FRESH, LAST, PAUSE, FixedKeys, PublishedKeys, published_at, published_by
from watchword.tokens.key import Key
from watchword.tokens.key_set import KeySet
from watchword.tokens.refused import TokenRefused

OLD, NEW = Key.generate("ES256", kid="old"), Key.generate("ES256", kid="new")


class Issuer:
    """Counts how often its keys are read; can be down."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.published = [OLD]
        self.readings = 0
        self.is_down = False
        self.source = PublishedKeys(self.read, self.clock)

    def read(self) -> KeySet:
        self.readings += 1
        if self.is_down:
            raise FetchError("down")
        return KeySet(self.published)

    def after(self, seconds: float) -> KeySet:
        self.clock.advance(int(seconds * SECOND))
        return self.source.find("old")


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def test_keys_are_read_when_first_needed_and_then_kept(issuer: Issuer):
    """Not before: an app starts without its issuer."""
    assert issuer.readings == 0
    for _ in range(10):
        assert issuer.source.find("old").has("old")
    assert issuer.readings == 1


def test_of_many_who_ask_at_once_one_reads(issuer: Issuer):
    """The others wait for it, and get the same."""
    begun, go_on = threading.Event(), threading.Event()
    read = issuer.read

    def slow() -> KeySet:
        begun.set()
        assert go_on.wait(10)
        return read()

    source = PublishedKeys(slow, issuer.clock)
    with ThreadPoolExecutor(16) as threads:
        found = [threads.submit(source.find, "old") for _ in range(16)]
        assert begun.wait(10)
        go_on.set()
        assert all(one.result(10).has("old") for one in found)
    assert issuer.readings == 1


def test_a_key_that_is_not_known_yet_is_looked_for_once(issuer: Issuer):
    """Rotation: the first token with the new key is accepted."""
    issuer.source.find("old")
    issuer.published = [OLD, NEW]
    issuer.clock.advance(int(PAUSE * SECOND))
    assert issuer.source.find("new").has("new")
    assert issuer.readings == 2


def test_a_flood_of_made_up_key_names_causes_one_reading_in_thirty_seconds(issuer: Issuer):
    """However many tokens come, the issuer is not asked for each."""
    issuer.source.find("old")
    for second in range(60):
        issuer.clock.advance(SECOND)
        for number in range(20):
            issuer.source.find(f"made-up-{second}-{number}")
    assert issuer.readings == 3


def test_a_key_that_was_withdrawn_is_gone_after_ten_minutes(issuer: Issuer):
    """Without a restart, and without a token that asks for it."""
    issuer.source.find("old")
    issuer.published = [NEW]
    assert issuer.after(FRESH - 1).has("old")
    issuer.clock.advance(SECOND)
    assert not issuer.source.find("new").has("old")


def test_keys_are_used_for_four_hours_while_the_issuer_is_down(issuer: Issuer):
    """And not a moment longer; when it is back, so are they."""
    issuer.source.find("old")
    issuer.is_down = True
    assert issuer.after(LAST - 1).has("old")
    with pytest.raises(TokenRefused, match="keys_unavailable"):
        issuer.after(1)
    issuer.is_down = False
    assert issuer.after(PAUSE).has("old")


def test_an_issuer_that_is_down_from_the_start_is_asked_ever_more_seldom(issuer: Issuer):
    """After 1, 2, 4 seconds and so on; a token that comes in between is refused at once."""
    issuer.is_down = True
    for _ in range(60 * 4):
        with pytest.raises(TokenRefused, match="keys_unavailable"):
            issuer.source.find("old")
        issuer.clock.advance(SECOND // 4)
    assert issuer.readings == 6
    issuer.is_down = False
    assert issuer.after(PAUSE).has("old")


def test_a_stale_set_is_read_again_by_one_while_the_others_go_on(issuer: Issuer):
    """Nobody waits for a set that still serves."""
    issuer.source.find("old")
    issuer.clock.advance(int(FRESH * SECOND))
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> KeySet:
        begun.set()
        assert go_on.wait(10)
        return KeySet([OLD])

    issuer.source._read = slow
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(issuer.source.find, "old")
        assert begun.wait(10)
        assert issuer.source.find("old").has("old")
        go_on.set()
        reading.result(10)


def test_given_keys_are_never_fetched():
    """`keys=`: no network."""
    assert FixedKeys(KeySet([OLD])).find("unknown").has("old")


def test_keys_are_found_at_an_address_or_by_discovery(monkeypatch: pytest.MonkeyPatch):
    """OpenID Connect Discovery: the configuration names the issuer that it is of, and where its keys are."""
    issuer = "https://issuer.example/tenant"
    documents: dict[str, Any] = {
        f"{issuer}/.well-known/openid-configuration": b'{"issuer":"https://issuer.example/tenant","jwks_uri":"https://keys.example/"}',
        "https://keys.example/": b'{"keys":[]}',
        "https://other.example/.well-known/openid-configuration": b'{"issuer":"https://issuer.example","jwks_uri":"https://keys.example/"}',
        "https://broken.example/": b"[]",
    }
    monkeypatch.setattr(key_source, "fetch", lambda url, _clock: documents[url])
    clock = ManualClock()
    assert published_at("https://keys.example/", clock).find("x").keys == ()
    assert published_by(issuer, clock).find("x").keys == ()
    for source in (published_by("https://other.example", clock), published_at("https://broken.example/", clock)):
        with pytest.raises(TokenRefused, match="keys_unavailable"):
            source.find("x")
