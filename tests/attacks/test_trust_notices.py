"""Attacks on what trusted systems tell: logout tokens (A114) and webhooks (A142)."""

import base64
import json
from typing import Any

import pytest

from tests.features.trust_notices.test_notices import RAW, SHARED, WHSEC
from tests.vendors.trusted import CLERK_KEY, NOW, RSA, published
from watchword.foundation.clock import MINUTE, SECOND, ManualClock
from watchword.foundation.errors import ConfigurationError
from watchword.tokens import jwt
from watchword.tokens.key import Key
from watchword.tokens.refused import TokenRefused
from watchword.tokens.webhook import standard_signature
from watchword.vendors.clerk.trust import Clerk
from watchword.vendors.oidc.trust import OIDC
from watchword.vendors.supabase.trust import Supabase
from watchword.vendors.workos.trust import WorkOS

ISSUER = "https://id.example.org"
EVENTS = {"http://schemas.openid.net/event/backchannel-logout": {}}
OTHER = Key.generate("RS256", kid="one")
CLOCK = ManualClock(NOW * SECOND)
EVENT = json.dumps({"type": "session.revoked", "data": {"id": "session_1", "user_id": "user_1"}}).encode()


def logout_token(key: Key = RSA, **changes: Any) -> str:
    made = {"iss": ISSUER, "aud": "client", "iat": NOW, "exp": NOW + 120, "jti": "one", "sid": "s", "events": EVENTS}
    given = {name: value for name, value in (made | changes).items() if value is not None and name != "typ"}
    return jwt.sign(given, key, "RS256", type=changes.get("typ", "logout+jwt"))


def refusal(trust: Any, body: bytes, headers: dict[str, str] | None = None) -> str:
    with pytest.raises(TokenRefused) as caught:
        trust.notices[0].read((headers or {}).get, body)
    return caught.value.code


def oidc() -> OIDC:
    return OIDC(issuer=ISSUER, client_id="client", back_channel_logout=True, keys=published(RSA), clock=CLOCK)


def unsigned() -> str:
    head, payload, _ = logout_token().split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"logout+jwt"}').decode().rstrip("=")
    return f"{none}.{payload}." if head else ""


def test_a114_a_logout_token_counts() -> None:
    """What the refusals below are measured against."""
    (ended,) = oidc().notices[0].read({}.get, f"logout_token={logout_token()}".encode())
    assert (ended.session_id, ended.user_id) == ("s", "")


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (unsigned(), "algorithm_not_allowed"),
        (logout_token(OTHER), "signature_wrong"),
        (logout_token(iss="https://evil.example"), "claim_invalid"),
        (logout_token(aud="other"), "claim_invalid"),
        (logout_token(exp=NOW - 120), "token_expired"),
        (logout_token(exp=None), "claim_missing"),
        (logout_token(iat=NOW - 3600), "token_expired"),
        (logout_token(iat=None), "claim_missing"),
        (logout_token(jti=None), "claim_missing"),
        (logout_token(events=None), "claim_missing"),
        (logout_token(events={}), "claim_invalid"),
        (logout_token(events={"http://schemas.openid.net/event/backchannel-logout": True}), "claim_invalid"),
        (logout_token(events="http://schemas.openid.net/event/backchannel-logout"), "claim_invalid"),
        (logout_token(nonce="n"), "claim_invalid"),
        (logout_token(sid=None), "claim_missing"),
        (logout_token(sid=7), "claim_missing"),
        (logout_token(typ="at+jwt"), "claim_invalid"),
        ("", "token_malformed"),
    ],
)
def test_a114_a_logout_token_that_is_not_the_issuers_ends_nothing(token: str, code: str) -> None:
    """Unsigned, of another issuer, for another client, too old, or a token of another kind (section 2.6)."""
    assert refusal(oidc(), f"logout_token={token}".encode()) == code


@pytest.mark.parametrize("body", [b"", b"logout_token", b"{}", b"\xff", b"logout_token=a&logout_token=a", b"token=a"])
def test_a114_a_body_without_one_logout_token_ends_nothing(body: bytes) -> None:
    """Nor with two: nobody can say which was meant."""
    assert refusal(oidc(), body) == "token_malformed"


def svix(body: bytes = EVENT, at: int = NOW, **changes: str) -> dict[str, str]:
    made = {"svix-id": "msg", "svix-timestamp": str(at), "svix-signature": standard_signature(RAW, "msg", at, body)}
    return made | {name.replace("_", "-"): value for name, value in changes.items()}


def clerk() -> Clerk:
    return Clerk(publishable_key=CLERK_KEY, webhook_secret=WHSEC, keys=published(RSA), clock=CLOCK)


GOOD = svix()["svix-signature"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        svix(svix_signature=""),
        svix(svix_signature="v1,"),
        svix(svix_signature="v1a," + GOOD.partition(",")[2]),
        svix(svix_signature=GOOD.partition(",")[2]),
        svix(svix_signature=GOOD[:-4] + "AAA="),
        svix(svix_signature=GOOD + "x"),
        svix(svix_signature=" ".join(["v1,AAAA"] * 20 + [GOOD])),
        svix(svix_signature=standard_signature(b"another key of more than 24 bytes", "msg", NOW, EVENT)),
        svix(svix_id="other"),
        svix(svix_id=""),
        svix(svix_timestamp=""),
        svix(svix_timestamp="1e9"),
        svix(svix_timestamp=f"-{NOW}"),
        svix(svix_timestamp="９" * 10),
        svix(svix_timestamp="9" * 400),
        svix(at=NOW - 301),
        svix(at=NOW + 301),
        {name.replace("svix", "webhook"): value for name, value in svix().items()},
    ],
)
def test_a142_a_webhook_without_a_fresh_signature_ends_nothing(headers: dict[str, str]) -> None:
    """Missing, empty, of another version, cut, extended, one of too many, or of another message, time or key."""
    assert refusal(clerk(), EVENT, headers) in ("signature_wrong", "token_expired")


def test_a142_a_webhook_signed_with_the_new_and_the_former_secret_counts() -> None:
    """While the sender changes its secret, either signature will do."""
    signatures = f"{standard_signature(b'another key of more than 24 bytes', 'msg', NOW, EVENT)} {GOOD}"
    assert clerk().notices[0].read(svix(svix_signature=signatures).get, EVENT)


@pytest.mark.parametrize("body", [EVENT + b" ", EVENT.replace(b"session_1", b"session_2"), b""])
def test_a142_a_webhook_that_was_altered_ends_nothing(body: bytes) -> None:
    """The signature is of the bytes that came."""
    assert refusal(clerk(), body, svix()) == "signature_wrong"


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"type":"a","type":"session.revoked"}', b"\xff", b"{" * 2000])
def test_a142_what_is_signed_but_no_event_ends_nothing(body: bytes) -> None:
    """Nor does it break anything."""
    assert refusal(clerk(), body, svix(body)) == "token_malformed"


def workos() -> WorkOS:
    return WorkOS(client_id="client", webhook_secret=SHARED, keys=published(RSA), clock=CLOCK)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=",
        f"t={NOW * SECOND}",
        f"t={NOW * SECOND}, v1=",
        f"t={NOW * SECOND}, v1={'0' * 64}",
        f"v1=0, t={NOW}",
        "é",
    ],
)
def test_a142_a_webhook_of_workos_with_a_bad_signature_ends_nothing(header: str) -> None:
    """Each part has to be there."""
    assert refusal(workos(), EVENT, {"workos-signature": header}) == "signature_wrong"


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", SHARED[:-1], SHARED + "x", f"Basic {SHARED}", "é"])
def test_a142_a_webhook_without_the_shared_secret_ends_nothing(value: str) -> None:
    """Compared whole, and in constant time."""
    trust = Supabase(url="https://abc.supabase.co", webhook_secret=SHARED, keys=published(RSA), clock=CLOCK)
    assert refusal(trust, EVENT, {"authorization": value}) == "signature_wrong"


def test_a142_a_recorded_webhook_is_too_old_after_five_minutes() -> None:
    """So long it can be sent again, and ends what it ended already."""
    clock = ManualClock(NOW * SECOND)
    trust = Clerk(publishable_key=CLERK_KEY, webhook_secret=WHSEC, keys=published(RSA), clock=clock)
    clock.advance(5 * MINUTE)
    assert trust.notices[0].read(svix().get, EVENT)
    clock.advance(1)
    assert refusal(trust, EVENT, svix()) == "token_expired"


@pytest.mark.parametrize(
    "secret", ["whsec_", "whsec_short", "whsec_%%%", "whsec_" + base64.b64encode(b"x" * 23).decode()]
)
def test_a142_a_webhook_secret_that_could_be_guessed_is_refused_at_the_start(secret: str) -> None:
    """Twenty-four bytes or more, or sixteen characters of one's own."""
    with pytest.raises(ConfigurationError, match="webhook_secret"):
        Clerk(publishable_key=CLERK_KEY, webhook_secret=secret)
    with pytest.raises(ConfigurationError, match="webhook_secret"):
        WorkOS(client_id="client", webhook_secret="short")
    with pytest.raises(ConfigurationError, match="webhook_secret"):
        Supabase(url="https://abc.supabase.co", webhook_secret="short")
