"""Passkeys, declared: their options, and what the method is made of."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import final

from watchword.admission.services import Services
from watchword.foundation.errors import ConfigurationError
from watchword.http.origin import parse_origin
from watchword.methods.passkey.attestation import Attestation
from watchword.methods.passkey.base import Ceremonies, PasskeyOptions
from watchword.methods.passkey.routes import PasskeyMethod


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """Sign-in with a passkey, alone or as a second factor: `Auth(methods=[Passkey()])`.

    Attributes:
        rp_id: domain that the passkeys belong to: the site's own host name, unless given; a parent domain
            (`example.org` for `https://app.example.org`) lets its other sites use them too. Never change it.
        related_origins: further origins, of other domains, whose pages use these passkeys (WebAuthn Level 3, 5.11).
        embedded_in: origins whose pages may show the sign-in in a frame; none unless named.
        attestation: what is asked of the authenticator's maker; nothing unless given.
    """

    rp_id: str | None = None
    related_origins: tuple[str, ...] = ()
    embedded_in: tuple[str, ...] = ()
    attestation: Attestation | None = None

    @staticmethod
    def is_installed() -> bool:
        """Tell whether the library that it builds on is here."""
        return find_spec("webauthn") is not None

    def bind(self, services: Services) -> PasskeyMethod:
        """Return the method, at work.

        Raises:
            ConfigurationError: py_webauthn is not installed, or an origin is none.
        """
        if not self.is_installed():
            raise ConfigurationError("Passkey() needs py_webauthn: pip install 'watchword[passkey]'")
        for origin in (*self.related_origins, *self.embedded_in):
            if parse_origin(origin) != origin:
                raise ConfigurationError(
                    f"the origin {origin!r} is none: write scheme and host alone, for example 'https://example.com'"
                )
        options = PasskeyOptions(
            rp_id=self.rp_id,
            related_origins=self.related_origins,
            embedded_in=self.embedded_in,
            attestation=self.attestation,
        )
        return PasskeyMethod(Ceremonies(services, options))
