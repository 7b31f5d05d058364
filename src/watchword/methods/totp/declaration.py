"""The authenticator app, declared: its options, and what it is made of."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import final

from watchword.admission.services import Services
from watchword.foundation.errors import ConfigurationError
from watchword.methods.totp.routes import TOTPMethod
from watchword.methods.totp.steps import TOTPSteps


@final
@dataclass(frozen=True, slots=True)
class TOTP:
    """Codes of an authenticator app as a second factor: `Auth(methods=[TOTP()])`.

    Attributes:
        issuer: how the app names this site; the brand's name unless given.
    """

    issuer: str | None = None

    @staticmethod
    def is_installed() -> bool:
        """Tell whether the libraries that it builds on are here."""
        return all(find_spec(name) is not None for name in ("pyotp", "segno"))

    def bind(self, services: Services) -> TOTPMethod:
        """Return the method, at work.

        Raises:
            ConfigurationError: pyotp or segno is not installed.
        """
        if not self.is_installed():
            raise ConfigurationError("TOTP() needs pyotp and segno: pip install 'watchword[totp]'")
        return TOTPMethod(services, TOTPSteps(services, self.issuer or services.settings.brand.name))
