"""What can be tainted, for how long, and what is tainted without being told."""

import base64
import gc
import html
import json
import logging
import threading
import urllib.parse
from dataclasses import dataclass

import pytest

import watchword
from tests.support.sources import PACKAGE
from watchword import Secret, taint_environment, taint_unique_value, untaint
from watchword.foundation.ids import new_id
from watchword.foundation.secrets import random_bytes, random_secret
from watchword.methods.password.hashing import Figures, PasswordHasher
from watchword.policy import taint
from watchword.policy.taint import registry, taint_settings
from watchword.policy.taint_filter import scan, scan_headers
from watchword.sessions.token import new_token


class Lifetime:
    """What values are tainted for, in these tests."""


@pytest.fixture
def lifetime() -> Lifetime:
    return Lifetime()


def key() -> str:
    return random_secret(20).reveal()


@pytest.mark.parametrize("kind", [str, str.encode, Secret])
def test_a_value_is_found_with_its_message(lifetime: Lifetime, kind):
    value = key()
    taint_unique_value("Do not send the API key to the browser", lifetime, kind(value))
    found = scan(f"the key is {value}.".encode())
    assert (found.message, found.encoding) == ("Do not send the API key to the browser", "as text")
    assert scan(b"the key is 12345") is None


def test_a_value_is_found_in_the_values_of_headers(lifetime: Lifetime):
    value = key()
    taint_unique_value("not this", lifetime, value)
    assert scan_headers([(b"content-type", b"text/html"), (b"x-key", value.encode())]).encoding == "as text"
    assert scan_headers([(b"content-type", b"text/html")]) is None
    assert scan_headers([]) is None


def test_what_is_found_tells_nothing_of_the_value(lifetime: Lifetime):
    value = key()
    taint_unique_value("not this", lifetime, value)
    found = scan(value.encode())
    assert repr(found) == "Taint(message='not this', encoding='as text')"
    assert value not in repr(registry._values[value.encode()])
    assert value not in str(vars(registry)["_small"])


def test_a_taint_ends_when_all_its_lifetimes_are_collected():
    value, one, other = key(), Lifetime(), Lifetime()
    taint_unique_value("first", one, value)
    taint_unique_value("second", other, value)
    del one
    gc.collect()
    assert scan(value.encode()).message == "second"
    del other
    gc.collect()
    assert scan(value.encode()) is None


def test_a_value_can_be_tainted_again_after_it_ended(lifetime: Lifetime):
    value = key()
    taint_unique_value("first", Lifetime(), value)
    assert scan(value.encode()) is None
    taint_unique_value("again", lifetime, value)
    assert scan(value.encode()).message == "again"


def test_a_lifetime_may_be_equal_to_another_and_need_not_be_hashable():
    @dataclass
    class Row:
        number: int

    value, one, other = key(), Row(1), Row(1)
    taint_unique_value("not this", one, value)
    taint_unique_value("not this", other, value)
    del one
    assert scan(value.encode())
    del other
    assert scan(value.encode()) is None


def test_a_taint_for_a_class_or_a_module_stays_until_it_is_taken_back():
    for forever in (Lifetime, watchword):
        value = key()
        taint_unique_value("not this", forever, value)
        gc.collect()
        assert scan(value.encode())
        untaint(value)
        assert scan(value.encode()) is None


def test_what_is_not_tainted_can_be_untainted():
    untaint(key())
    untaint(object())
    untaint(b"short")


def test_values_come_and_go_in_any_number():
    """Groups are made anew many times over; each value is found while its lifetime is there, and never after."""
    held: dict[str, Lifetime] = {}
    for turn in range(150):
        value = key()
        held[value] = Lifetime()
        taint_unique_value(value[:3], held[value], value)
        if turn % 3 == 0 and len(held) > 5:
            over = next(iter(held))
            del held[over]
            assert scan(over.encode()) is None
        assert scan(value.encode()).message == value[:3]
    assert all(scan(base64.b64encode(value.encode())) for value in held)
    assert len(registry.parts()) <= 6


def test_what_is_over_is_forgotten():
    first = key()
    taint_unique_value("not this", Lifetime(), first)
    scan(b"")
    taint_unique_value("not this", Lifetime(), key())
    scan(b"")
    assert first.encode() not in registry._values


def test_threads_may_taint_and_scan_at_once(lifetime: Lifetime):
    missed: list[str] = []

    def work():
        for _ in range(30):
            value = key()
            taint_unique_value("not this", lifetime, value)
            if scan(b"x" + value.encode()) is None:
                missed.append(value)
            untaint(value)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missed == []


def test_a_thread_that_scans_while_another_makes_the_groups_waits_for_them(lifetime: Lifetime, monkeypatch):
    value, entered, go_on, found = key(), threading.Event(), threading.Event(), []
    make = taint._Group.of

    def make_slowly(tainted):
        entered.set()
        go_on.wait(10)
        return make(tainted)

    monkeypatch.setattr(taint._Group, "of", make_slowly)
    taint_unique_value("not this", lifetime, value)
    threads = [threading.Thread(target=lambda: found.append(scan(value.encode()))) for _ in range(2)]
    threads[0].start()
    assert entered.wait(10)
    threads[1].start()
    threads[1].join(0.05)
    go_on.set()
    for thread in threads:
        thread.join()
    assert None not in found
    assert len(found) == 2


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "it has 0 bytes"),
        ("hunter2", "it has 7 bytes, and fewer than 12"),
        ("a" * 16, "repeats few characters"),
        ("ab" * 30, "repeats few characters"),
        ("00000000000000000001", "repeats few characters"),
        (b"\0" * 32, "repeats few characters"),
        ("x" * 20_000, "more than 16384 bytes"),
    ],
)
def test_a_value_that_would_be_found_by_chance_is_refused_without_telling_it(lifetime: Lifetime, value, says: str):
    with pytest.raises(ValueError, match=says) as refusal:
        taint_unique_value("not this", lifetime, value)
    assert not value or str(value) not in str(refusal.value)


def test_random_values_of_64_bits_in_hex_are_always_taken(lifetime: Lifetime):
    for _ in range(300):
        taint_unique_value("not this", lifetime, random_bytes(8).hex())


@pytest.mark.parametrize("nothing", [None, 1, "app", (), {}])
def test_a_lifetime_that_cannot_be_watched_is_refused(nothing: object):
    value = key()
    with pytest.raises(TypeError, match=r"can't be a lifetime.*a class, a module or the app"):
        taint_unique_value("not this", nothing, value)
    assert scan(value.encode()) is None


def test_a_value_of_another_type_is_refused(lifetime: Lifetime):
    with pytest.raises(TypeError, match="expected the secret as str, bytes or Secret, got int"):
        taint_unique_value("not this", lifetime, 123456789012)  # type: ignore[arg-type]


def encodings_of(text: str) -> list[str]:
    data = text.encode()
    return [
        text,
        json.dumps({"key": text}).replace("/", "\\/"),
        html.escape(text),
        urllib.parse.quote(text, safe=""),
        data.hex(),
        data.hex().upper(),
        *(base64.b64encode(b"x" * ahead + data + b"rest").decode() for ahead in range(3)),
        *(base64.urlsafe_b64encode(b"x" * ahead + data).decode() for ahead in range(3)),
    ]


def test_session_tokens_are_tainted_by_themselves_in_every_encoding():
    for _ in range(20):
        token = new_token(new_id("ses")).reveal()
        for written in encodings_of(token):
            assert "session token" in scan(f'<a href="{written}">'.encode()).message


def test_password_hashes_are_tainted_by_themselves_in_every_encoding():
    stored = PasswordHasher(Figures(memory=8, iterations=1)).hash(Secret("analytical engine"))
    assert isinstance(stored, str)
    for written in encodings_of(stored):
        assert "password hash" in scan(f'{{"hash": "{written}"}}'.encode()).message


@pytest.mark.parametrize(
    "text",
    [
        "wws_ and what follows",
        "wws_" + "a" * 77 + "!",
        "WWS_" + "A" * 78,
        "ses_" + "a" * 26,
        "Passwords are kept as argon2id hashes, written $argon2id$v=19$m=65536,t=3,p=4$<salt>$<hash>.",
        "$argon2id$v=19$m=65536,t=3,p=4",
        base64.b64encode(b"$argon2id$ is how it begins, and then prose goes on and on and on and on").decode(),
    ],
)
def test_a_mere_mention_of_them_passes(text: str):
    assert scan(text.encode()) is None


def test_the_code_and_the_docs_of_watchword_hold_nothing_tainted_by_itself():
    texts = [*PACKAGE.rglob("*.py"), *(PACKAGE.parents[1] / "docs").rglob("*.md")]
    assert [path for path in texts if scan(path.read_bytes())] == []


def test_configured_secrets_are_tainted_and_short_ones_named_in_the_log(lifetime: Lifetime, caplog):
    secret, password = key(), Secret(key())
    with caplog.at_level(logging.WARNING, "watchword"):
        taint_settings(lifetime, {"WATCHWORD_SECRET": secret, "mail": password, "other": "hunter2", "none": None})
    assert scan(secret.encode()).message == "WATCHWORD_SECRET is for the server alone"
    assert scan(password.reveal().encode()).message == "mail is for the server alone"
    (record,) = caplog.records
    assert record.getMessage().startswith("not watched for in responses: other (it has 7 bytes")
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("STRIPE_SECRET_KEY", True),
        ("GITHUB_TOKEN", True),
        ("PGPASSWORD", True),
        ("MYSQL_PWD", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("SESSION_ID_SECRET", True),
        ("AWS_ACCESS_KEY_ID", False),
        ("STRIPE_PUBLISHABLE_KEY", False),
        ("JWT_PUBLIC_KEY", False),
        ("TLS_KEY_FILE", False),
        ("HOME", False),
        ("__", False),
    ],
)
def test_the_name_of_a_variable_says_whether_it_is_a_secret(lifetime: Lifetime, name: str, is_secret: bool):
    value = key()
    taint_environment(lifetime, {name: value})
    assert (scan(value.encode()) is not None) == is_secret
