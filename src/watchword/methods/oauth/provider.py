"""One service: what is asked of it, and what it answers (RFC 6749, RFC 7636, RFC 9126, OpenID Connect Core 1.0)."""

from collections.abc import Collection, Mapping
from typing import Any, Final, cast, final
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from watchword.foundation.clock import SECOND, Clock
from watchword.foundation.encodings import base64url_encode
from watchword.foundation.errors import Code
from watchword.foundation.secrets import Secret, sha256
from watchword.methods.oauth.client import Client
from watchword.methods.oauth.declaration import OAuth
from watchword.methods.oauth.discovery import PROVIDER_UNAVAILABLE, Discovery, Endpoints, ProviderError
from watchword.methods.oauth.id_token import LEEWAY, verify_id_token
from watchword.methods.oauth.preset import TENANT, Authentication, OAuthPreset
from watchword.methods.oauth.profile import NoSubjectError, Profile, read_profile
from watchword.outgoing.fetch import FetchError, call
from watchword.tokens.refused import TokenRefused

PROVIDER_ANSWER_INVALID: Final = Code(
    "provider_answer_invalid",
    400,
    "What the other service answered does not hold",
    "Begin again. If it goes on, look into the audit log: it says which check failed.",
)
_FORM: Final = "application/x-www-form-urlencoded"
_AGENT: Final = "Watchword"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a sign-in under way was begun with; kept sealed in its attempt.

    Attributes:
        provider: which service was asked.
        redirect_uri: where its answer comes to: each service has its own (RFC 9700, section 4.4).
        nonce: what the ID token must repeat.
        verifier: what the code is bound to (RFC 7636).
        anew: seconds since the epoch, where the person is to show anew who they are.
    """

    provider: str
    redirect_uri: str = ""
    nonce: str = ""
    verifier: str = ""
    anew: int = 0


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of a service; `expires_at` in milliseconds, `None` where it does not say."""

    access_token: str
    refresh_token: str = ""
    id_token: str = ""
    scope: str = ""
    expires_at: int | None = None
    answer: dict[str, Any] = {}


@final
class Provider:
    """One service, as this site knows it.

    Args:
        declared: the options.
        preset: what is known of it.
        clock: what tells the time.

    Raises:
        ConfigurationError: the private key is none.
    """

    def __init__(self, declared: OAuth, preset: OAuthPreset, clock: Clock) -> None:
        self.name = declared.called
        self.title = declared.title or preset.title
        self.preset = preset
        self.keeps_tokens = declared.keep_tokens
        self._clock = clock
        self._network = declared.network
        self._issuer = declared.issuer or preset.issuer
        self._way: Authentication | None = declared.authentication or preset.authentication
        self._scopes = preset.scope_separator.join(dict.fromkeys((*preset.scopes, *declared.scopes)))
        self._audiences = (declared.client_id, *declared.native_client_ids)
        self.client = Client(
            declared.client_id,
            Secret(declared.client_secret) if declared.client_secret else None,
            clock,
            private_key=declared.private_key,
            key_id=declared.key_id,
            team_id=declared.team_id,
            id_parameter=preset.client_id_parameter,
            secret_parameter=preset.client_secret_parameter,
        )
        self._discovery = Discovery(preset, self._issuer, clock, declared.network)

    def ask(self, asked: Asked, state: str) -> str:
        """Return the address to lead the browser to.

        Raises:
            ProviderError: the service's configuration can't be had, or it took no pushed request.
        """
        endpoints, preset = self._discovery.endpoints(), self.preset
        challenge = base64url_encode(sha256(asked.verifier.encode()))
        sent = {
            **preset.authorization_parameters,
            **self.client.name,
            "response_type": "code",
            "redirect_uri": asked.redirect_uri,
            "scope": self._scopes,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if preset.is_openid:
            sent["nonce"] = asked.nonce
        if asked.anew and preset.is_openid:
            sent |= {"prompt": "login", "max_age": "0"}
        if preset.response_mode != "query":
            sent["response_mode"] = preset.response_mode
        if endpoints.pushed:
            # What is asked never passes through the browser, which could change it (RFC 9126).
            answer = self._post(endpoints, endpoints.pushed, sent)
            sent = {**self.client.name, "request_uri": _member(answer, "request_uri")}
        address, hash_, fragment = endpoints.authorization.partition("#")
        separator = "&" if "?" in address else "?"
        return f"{address}{separator}{urlencode(sent, quote_via=quote)}{hash_}{fragment}"

    def check_issuer(self, named: str | None) -> None:
        """Refuse an answer of another service than was asked, or of none where this one names itself (RFC 9207, 2.4).

        Raises:
            ProviderError: `iss` is missing or another.
        """
        endpoints = self._discovery.endpoints()
        if endpoints.names_issuer and named is None:
            raise ProviderError(PROVIDER_ANSWER_INVALID, "`iss` is missing")
        if named is not None and endpoints.issuer and not _same_issuer(named, endpoints.issuer):
            raise ProviderError(PROVIDER_ANSWER_INVALID, "`iss` is not the issuer that was asked")

    def exchange(self, code: str, asked: Asked) -> Grant:
        """Return the tokens that the code is worth.

        Raises:
            ProviderError: the service refused it, or can't be asked.
        """
        fields = {"code": code, "redirect_uri": asked.redirect_uri, "code_verifier": asked.verifier}
        return self._tokens("authorization_code", fields)

    def refresh(self, refresh_token: str) -> Grant:
        """Return new tokens; the refresh token is the same where the service gives no other (RFC 6749, section 6).

        Raises:
            ProviderError: the service refused it, or can't be asked.
        """
        grant = self._tokens("refresh_token", {"refresh_token": refresh_token})
        return grant if grant.refresh_token else msgspec.structs.replace(grant, refresh_token=refresh_token)

    def identify(self, grant: Grant, asked: Asked, told: Mapping[str, Any]) -> Profile:
        """Return who it is, by the ID token, or by what the service answers where it gives none.

        Args:
            grant: the tokens.
            asked: what the sign-in was begun with.
            told: what came with the answer through the browser: a name, and nothing that is believed.

        Raises:
            ProviderError: the ID token does not hold, or the service does not say who it is.
        """
        endpoints = self._discovery.endpoints()
        if not self.preset.is_openid:
            claims = self._ask_profile(endpoints, grant) if endpoints.profile else grant.answer
            emails = self._get(self.preset.emails.url, grant) if self.preset.emails else None
            return self._profile(self._whose(endpoints), claims, emails)
        claims = dict(self.verify(grant.id_token, (asked.nonce,), grant.access_token))
        shown_at = claims.get("auth_time")
        # Where the service says when it asked, that must be since then (OpenID Connect Core 1.0, section 3.1.2.1).
        if asked.anew and isinstance(shown_at, int | float) and shown_at < asked.anew - LEEWAY:
            raise ProviderError(PROVIDER_ANSWER_INVALID, "`auth_time` is before the person was to show who they are")
        if "email" not in claims and endpoints.profile:
            more = self._ask_profile(endpoints, grant)
            # Another person's profile would be an attack, or a defect (OpenID Connect Core 1.0, section 5.3.2).
            if more.get("sub") != claims["sub"]:
                raise ProviderError(PROVIDER_ANSWER_INVALID, "the profile is of another subject than the ID token")
            claims = {**more, **claims}
        return self._profile(str(claims["iss"]), {"told": told, **claims})

    def recognise(self, id_token: str, nonces: Collection[str]) -> Profile:
        """Return who the ID token says that it is, which an app or the browser got by itself.

        Raises:
            ProviderError: it does not hold.
        """
        claims = self.verify(id_token, nonces)
        return self._profile(str(claims["iss"]), claims)

    def verify(self, id_token: str, nonces: Collection[str], access_token: str = "") -> Mapping[str, Any]:
        """Return the claims of an ID token for this site.

        Raises:
            ProviderError: it does not hold.
        """
        try:
            return verify_id_token(
                id_token,
                preset=self.preset,
                issuer=self._issuer,
                keys=self._discovery.keys,
                client=self.client,
                audiences=self._audiences,
                nonces=nonces,
                now=self._clock.now(),
                access_token=access_token,
            )
        except TokenRefused as error:
            code = PROVIDER_UNAVAILABLE if error.code == "keys_unavailable" else PROVIDER_ANSWER_INVALID
            raise ProviderError(code, f"ID token: {error}") from error

    def _profile(self, issuer: str, claims: Mapping[str, Any], emails: object = None) -> Profile:
        try:
            return read_profile(self.preset, issuer, claims, emails)
        except NoSubjectError:
            raise ProviderError(PROVIDER_ANSWER_INVALID, "the service does not say who it is") from None

    def _whose(self, endpoints: Endpoints) -> str:
        """Return what stands for the issuer: the address that tells who somebody is, whole, as nobody else's is."""
        return endpoints.profile.partition("?")[0] or endpoints.token

    def _tokens(self, grant_type: str, fields: Mapping[str, str]) -> Grant:
        endpoints = self._discovery.endpoints()
        address = (grant_type == "refresh_token" and self.preset.refresh) or endpoints.token
        answer = self._post(endpoints, address, {"grant_type": grant_type, **fields})
        access_token = _member(answer, "access_token")
        seconds = answer.get("expires_in")
        seconds = int(seconds) if isinstance(seconds, str) and seconds.isdecimal() else seconds
        is_known = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < 2**31
        return Grant(
            access_token=access_token,
            refresh_token=_text(answer, "refresh_token"),
            id_token=_text(answer, "id_token"),
            scope=_text(answer, "scope"),
            expires_at=self._clock.now() + int(cast("int", seconds) * SECOND) if is_known else None,
            answer=answer,
        )

    def _post(self, endpoints: Endpoints, address: str, fields: Mapping[str, str]) -> dict[str, Any]:
        """Call an endpoint that asks which client calls."""
        way: Authentication = self._way or self.client.best(endpoints.authentication)
        shown = self.client.show(way, endpoints.issuer or endpoints.token)
        sent = {**fields, **shown.fields}
        if self.preset.token_method == "GET":
            return self._object(f"{address}?{urlencode(sent)}", headers=shown.headers)
        if self.preset.token_format == "json":
            body, media_type = msgspec.json.encode(sent), "application/json"
        else:
            body, media_type = urlencode(sent).encode(), _FORM
        return self._object(address, method="POST", headers={"Content-Type": media_type, **shown.headers}, body=body)

    def _ask_profile(self, endpoints: Endpoints, grant: Grant) -> dict[str, Any]:
        preset = self.preset
        known = {
            name: quote(str(value), safe="") for name, value in grant.answer.items() if isinstance(value, str | int)
        }
        known |= {"access_token": quote(grant.access_token, safe=""), "client_id": quote(self.client.id, safe="")}
        try:
            query = "&".join(f"{name}={value.format_map(known)}" for name, value in preset.profile_query.items())
            address = endpoints.profile.format_map(known) + (f"?{query}" if query else "")
        except KeyError as error:
            raise ProviderError(PROVIDER_ANSWER_INVALID, f"{error} is missing in the token answer") from None
        headers = {"Authorization": f"Bearer {grant.access_token}", **preset.profile_headers}
        body = preset.profile_body.encode() if preset.profile_method == "POST" else None
        return self._object(address, method=preset.profile_method, headers=headers, body=body)

    def _get(self, address: str, grant: Grant) -> object:
        answer = self._call(address, headers={"Authorization": f"Bearer {grant.access_token}"})
        try:
            return msgspec.json.decode(answer)
        except msgspec.DecodeError:
            raise ProviderError(PROVIDER_ANSWER_INVALID, f"{address!r} answered no JSON") from None

    def _object(
        self, address: str, *, method: str = "GET", headers: Mapping[str, str], body: bytes | None = None
    ) -> dict[str, Any]:
        answer = self._call(address, method=method, headers=headers, body=body)
        where = address.partition("?")[0]
        try:
            found: object = msgspec.json.decode(answer)
        except msgspec.DecodeError:
            found = dict(parse_qsl(answer.decode("utf-8", "replace"), max_num_fields=50)) if body else None
        if not isinstance(found, dict):
            raise ProviderError(PROVIDER_ANSWER_INVALID, f"{where!r} answered no JSON object")
        members = cast("dict[str, Any]", found)
        if isinstance(error := members.get("error"), str) and error and "access_token" not in members:
            # Some tell of an error with a status of 200.
            raise ProviderError(PROVIDER_ANSWER_INVALID, f"{where!r} refused: {error[:100]!r}")
        return members

    def _call(
        self, address: str, *, method: str = "GET", headers: Mapping[str, str], body: bytes | None = None
    ) -> bytes:
        where = address.partition("?")[0]
        try:
            sent = {"User-Agent": _AGENT, **headers}
            answer = call(method, address, self._clock, headers=sent, body=body, network=self._network)
        except FetchError:
            # Not what it says: the address may hold a token.
            raise ProviderError(PROVIDER_UNAVAILABLE, f"{where!r} can't be called") from None
        if answer.status in (200, 201):
            return answer.body
        if answer.status in (400, 401, 403):
            raise ProviderError(PROVIDER_ANSWER_INVALID, f"{where!r} refused: {_refusal(answer.body)!r}")
        raise ProviderError(PROVIDER_UNAVAILABLE, f"{where!r} answered {answer.status}")


def _refusal(body: bytes) -> str:
    """Return the code of a refusal (RFC 6749, section 5.2), and nothing else of what came."""
    try:
        found = msgspec.json.decode(body, type=dict[str, Any]).get("error")
    except msgspec.MsgspecError:
        found = None
    return found[:100] if isinstance(found, str) and found.isprintable() else "without a code"


def _same_issuer(named: str, issuer: str) -> bool:
    """Compare as RFC 9207, section 2.4, asks; of a service of many tenants, all but the tenant."""
    head, tenant, tail = issuer.partition(TENANT)
    return named == issuer or bool(tenant and named.startswith(head) and named.endswith(tail))


def _member(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise ProviderError(PROVIDER_ANSWER_INVALID, f"`{name}` is missing in the answer")
    return value


def _text(answer: Mapping[str, Any], name: str) -> str:
    value = answer.get(name)
    return value if isinstance(value, str) else ""
