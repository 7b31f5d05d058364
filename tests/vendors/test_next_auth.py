"""NextAuth.js 4 and Auth.js 5, run for real: their cookies are read, and they read what is made here."""

import time
from typing import Any

import pytest

from tests.support.node import Node
from watchword.foundation.clock import SECOND, ManualClock
from watchword.foundation.errors import ConfigurationError
from watchword.tokens import jwe
from watchword.tokens.refused import TokenRefused
from watchword.vendors.next_auth.trust import LEEWAY, NextAuth

SECRET, OLDER = "the secret of the app", "its earlier secret"
NAMES = {4: "__Secure-next-auth.session-token", 5: "__Secure-authjs.session-token"}
TOKEN = {"sub": "42", "name": "Ada", "email": "ada@example.org"}


def encode(node: Node, version: int, token: dict[str, Any], secret: str = SECRET, name: str | None = None) -> str:
    salt = {"salt": name or NAMES[version]} if version == 5 else {}
    return node("nextauth_calls", "encode", version, {"token": token, "secret": secret, "maxAge": 3600, **salt})


def cookies(*pairs: tuple[str, str]) -> dict[str, list[str]]:
    return {name: [value] for name, value in pairs}


def read(trust: NextAuth, found: dict[str, list[str]]) -> str:
    credential = trust.credential(found)
    assert credential is not None
    return trust.verify(credential).user.id


@pytest.mark.parametrize("version", [4, 5])
def test_a_session_cookie_is_read(node: Node, version: int):
    """Who it is, and until when; nothing makes its bearer an admin."""
    token = encode(node, version, {**TOKEN, "role": "admin"})
    session = NextAuth(secret=SECRET, version=version).verify(token)
    assert (session.user.id, session.user.email, session.user.name) == ("42", "ada@example.org", "Ada")
    assert (session.source, session.user.role) == ("next-auth", "user")
    assert abs(session.expires_at.timestamp() - time.time() - 3600) < 60


@pytest.mark.parametrize("version", [4, 5])
def test_what_the_app_put_into_the_token_is_mapped_by_a_function(node: Node, version: int):
    """`map` gets the verified claims."""

    def take(facts: Any, claims: Any) -> Any:
        facts.role, facts.organization = claims["role"], claims["team"]
        return facts

    trust = NextAuth(secret=SECRET, version=version, map=take)
    session = trust.verify(encode(node, version, {**TOKEN, "role": "editor", "team": "t1"}))
    assert (session.user.role, session.organization) == ("editor", "t1")


@pytest.mark.parametrize("version", [4, 5])
def test_one_of_several_secrets_opens_it(node: Node, version: int):
    """So a secret is changed without signing anyone out."""
    token = encode(node, version, TOKEN, OLDER)
    assert NextAuth(secret=[SECRET, OLDER], version=version).verify(token).user.id == "42"
    with pytest.raises(TokenRefused, match="decryption_failed"):
        NextAuth(secret=SECRET, version=version).verify(token)


@pytest.mark.parametrize("version", [4, 5])
def test_a_long_token_is_read_from_its_chunks(node: Node, version: int):
    """As the library cuts it: `name.0`, `name.1` and so on, in whatever order they come."""
    trust = NextAuth(secret=SECRET, version=version)
    chunks = node("nextauth_calls", "chunk", NAMES[version], encode(node, version, {**TOKEN, "more": "x" * 9_000}))
    assert len(chunks) > 2
    assert read(trust, cookies(*reversed(chunks))) == "42"


@pytest.mark.parametrize("version", [4, 5])
def test_a_chunk_left_over_or_a_stranger_s_cookie_signs_nobody_out(node: Node, version: int):
    """The library joins every cookie whose name begins like its own, and then opens nothing."""
    trust, name = NextAuth(secret=SECRET, version=version), NAMES[version]
    token = encode(node, version, TOKEN)
    two = node("nextauth_calls", "chunk", name, encode(node, version, {**TOKEN, "more": "x" * 4_000}))
    strangers = [(f"{name}.other", "x"), (f"{name}-more", "x"), (f"{name}.00", "x"), (f"{name}.9", "x")]
    assert read(trust, cookies((name, token), *strangers, (f"{name}.0", "left"), (f"{name}.1", "over"))) == "42"
    assert read(trust, cookies(*two, *strangers, (f"{name}.{len(two)}", "left-over"))) == "42"
    sent = dict([(name, token), *strangers])
    assert node("nextauth_calls", "token", version, sent, SECRET, name, name) is None


@pytest.mark.parametrize("version", [4, 5])
def test_a_token_that_has_ended_is_refused_after_the_library_s_leeway(node: Node, version: int):
    """Fifteen seconds, as in the library."""
    token = encode(node, version, TOKEN)
    end = NextAuth(secret=SECRET, version=version).verify(token).expires_at.timestamp()
    clock = ManualClock(int(end + LEEWAY) * SECOND - 1)
    trust = NextAuth(secret=SECRET, version=version, clock=clock)
    assert trust.verify(token)
    clock.advance(1)
    with pytest.raises(TokenRefused, match="token_expired"):
        trust.verify(token)


@pytest.mark.parametrize("version", [4, 5])
def test_a_token_without_an_end_is_refused_though_the_library_takes_it(node: Node, version: int):
    """Neither version asks for `exp`."""
    trust = NextAuth(secret=SECRET, version=version)
    encryption = trust._encryption
    token = jwe.encrypt(b'{"sub":"42"}', trust._keys[0], "dir", encryption)
    parameters = {"token": token, "secret": SECRET} | ({"salt": NAMES[5]} if version == 5 else {})
    assert node("nextauth_calls", "decode", version, parameters)["sub"] == "42"
    with pytest.raises(TokenRefused, match="claim_missing"):
        trust.verify(token)


def test_a_cookie_of_another_name_is_another_key_in_version_5(node: Node):
    """The name is the salt."""
    token = encode(node, 5, TOKEN, name="authjs.session-token")
    assert NextAuth(secret=SECRET, secure=False).verify(token).user.id == "42"
    with pytest.raises(TokenRefused, match="decryption_failed"):
        NextAuth(secret=SECRET).verify(token)


def test_what_can_t_be_meant_is_refused_at_the_start():
    """No secret, no such version."""
    for wrong in ({"secret": ""}, {"secret": []}, {"secret": SECRET, "version": 3}):
        with pytest.raises(ConfigurationError):
            NextAuth(**wrong)
