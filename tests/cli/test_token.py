"""`watchword token explain`: the verdict on a token from standard input, with every check."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Result
from tests.support.vectors import read_vectors
from tests.vendors.trusted import CLERK_KEY, EC, FERNET, KINDS, NOW, P384, PASSWORD, RSA
from watchword.tokens import jwt

Explain = Callable[..., Result]
OPTIONS: dict[str, list[str]] = {
    "auth0": ["domain=example.auth0.com", "audience=api", f"cookie_secret={PASSWORD}"],
    "clerk": [f"publishable_key={CLERK_KEY}"],
    "descope": ["project_id=P2abc"],
    "stytch-b2c": ["project_id=b2c"],
    "stytch-b2b": ["project_id=b2b", "product=b2b"],
    "workos": ["client_id=client", f"cookie_password={FERNET}"],
    "supabase": ["url=https://abc.supabase.co"],
    "oidc": ["issuer=https://id.example.org", "audience=api"],
    "jose": ["issuer=me", "audience=api", "algorithms=ES256", "algorithms=RS256"],
    "iron-session": ["cookie_name=app", f"password={PASSWORD}"],
    "iron-session-rotated": ["cookie_name=app"],
    "nextauth-4": ["version=4", "secure=false", f"secret={PASSWORD}"],
    "nextauth-5": ["version=5", "secure=false", f"secret={PASSWORD}"],
}
NO_KEYS = ("iron-session", "iron-session-rotated", "nextauth-4", "nextauth-5")


@pytest.fixture
def explain(watchword: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Explain:
    """Run the command with this text on standard input."""
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [key.to_jwk() for key in (RSA, EC, P384)]}))

    def run(text: str, kind: str, *more: str, now: int = NOW) -> Result:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        verifier = KINDS[kind].verifier if kind in KINDS else kind
        options = [part for option in OPTIONS[verifier] for part in ("--option", option)]
        given = [] if kind in NO_KEYS else ["--keys", str(keys)]
        return watchword(
            "token",
            "explain",
            "--vendor",
            re.sub("-(4|5|rotated|b2b|b2c)$", "", verifier),
            *options,
            *given,
            "--now",
            str(now),
            *more,
        )

    return run


@pytest.mark.parametrize("kind", KINDS)
def test_a_valid_credential_of_each_vendor_is_explained(explain: Explain, kind: str):
    """Exit code 0, the session and each check passed; as JSON and as text."""
    result = explain(KINDS[kind].credential, kind, "--json")
    told = json.loads(result.out)
    assert (result.code, told["valid"], told["reason"]) == (0, True, None), result
    assert told["session"]["user"]["id"] == "user_1"
    assert all(check["passed"] for check in told["checks"])
    assert "valid" in explain(KINDS[kind].credential, kind).out


@pytest.mark.parametrize("kind", KINDS)
def test_a_credential_that_has_ended_is_refused_with_its_reason(explain: Explain, kind: str):
    """Exit code 1; the checks before it passed."""
    result = explain(KINDS[kind].credential, kind, "--json", now=NOW + 10_000)
    told = json.loads(result.out)
    assert (result.code, told["valid"], told["reason"], told["session"]) == (1, False, "token_expired", None)
    assert [check["passed"] for check in told["checks"]] == [True] * 7 + [False]
    text = explain(KINDS[kind].credential, kind, now=NOW + 10_000)
    assert (text.code, "refused: token_expired" in text.out) == (1, True)


@pytest.mark.parametrize("form", ["Authorization: Bearer {}", "Bearer {}", "bearer {}\n", " {}\n"])
def test_a_header_is_read_as_a_request_has_it(explain: Explain, form: str):
    """With or without its name."""
    assert explain(form.format(KINDS["clerk"].credential), "clerk").code == 0


@pytest.mark.parametrize("form", ["Cookie: a=b; {name}={value}", "cookie: {name}={value}"])
def test_a_cookie_header_is_read_as_a_request_has_it(explain: Explain, form: str):
    """Of all cookies, the vendor's own count."""
    assert explain(form.format(name="app", value=KINDS["iron-session"].credential), "iron-session").code == 0
    result = explain("Cookie: other=x", "iron-session", "--json")
    assert (result.code, json.loads(result.out)["reason"]) == (1, "token_missing")


def test_chunks_come_as_lines(explain: Explain):
    """`--cookie NAME`: each line a name and a value."""
    name, token = "authjs.session-token", KINDS["nextauth-5"].credential
    lines = f"{name}.1={token[100:]}\n{name}.0={token[:100]}\n{name}.2=left-over"
    assert explain(lines, "nextauth-5", "--cookie", name).code == 0
    assert explain(token, "nextauth-5", "--cookie", name).code == 0


def test_wrong_use_is_told_apart_from_a_refusal(
    explain: Explain, watchword: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
):
    """Exit code 2: an unknown vendor or option, a missing one, nothing on standard input."""
    token = KINDS["clerk"].credential
    assert explain("", "clerk").code == 2
    assert explain(token, "clerk", "--option", "unknown=1").code == 2
    assert explain(token, "clerk", "--option", "leeway=much").code == 2
    assert explain(token, "clerk", "--option", "leeway").code == 2
    assert explain(token, "clerk", "--keys", "no-such-file").code == 2
    for arguments in (
        ["--vendor", "nobody"],
        ["--vendor", "clerk"],
        ["--vendor", "clerk", "--option", "publishable_key=x"],
    ):
        monkeypatch.setattr("sys.stdin", io.StringIO(token))
        assert watchword("token", "explain", *arguments).code == 2


def test_without_a_vendor_a_token_says_what_it_is_and_is_not_accepted(
    watchword: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
):
    """Its claims are shown as what they are: unverified."""
    monkeypatch.setattr("sys.stdin", io.StringIO(KINDS["clerk"].credential))
    result = watchword("token", "explain", "--json")
    told = json.loads(result.out)
    assert (result.code, told["valid"], told["kind"], told["claims"]["sub"]) == (1, False, "signed token", "user_1")


def test_a_token_is_never_taken_from_the_arguments(watchword: Callable[..., Result]):
    """They stand in the shell's history and in the list of processes."""
    assert watchword("token", "explain", KINDS["clerk"].credential).code == 2


def test_several_values_are_lists_and_a_map_of_passwords_is_json(explain: Explain):
    """As the classes take them."""
    claims: dict[str, Any] = {"iss": "me", "sub": "1", "aud": "second", "iat": NOW, "exp": NOW + 60}
    token = jwt.sign(claims, EC, "ES256")
    assert explain(token, "jose", "--option", "audience=second").code == 0, "two audiences: api, second"
    assert explain(token, "jose").code == 1
    passwords = json.dumps({"1": PASSWORD, "2": "another-password-of-32-characters"})
    assert (
        explain(KINDS["iron-session"].credential, "iron-session-rotated", "--option", f"password={passwords}").code == 0
    )


def test_clerk_s_own_tokens_get_their_verdict_on_the_command_line(
    watchword: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """With its JWKS as a file."""
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps(read_vectors("verify/clerk/jwks.json")))
    for case in read_vectors("verify/clerk/session_tokens.json")["cases"][:6]:
        monkeypatch.setattr("sys.stdin", io.StringIO(case["token"]))
        options = ["--option", "publishable_key=pk_test_Y2xlcmsuaW5zcGlyZWQucHVtYS03NC5sY2wuZGV2JA"]
        result = watchword(
            "token", "explain", "--vendor", "clerk", *options, "--keys", str(keys), "--now", str(case["now"])
        )
        assert result.code == (0 if case["expect"]["valid"] else 1), case["name"]
