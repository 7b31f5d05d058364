"""Recovery codes, declared."""

from dataclasses import dataclass
from typing import final

from watchword.admission.services import Services
from watchword.methods.recovery_codes.routes import RecoveryCodesMethod
from watchword.methods.recovery_codes.steps import RecoveryCodeSteps


@final
@dataclass(frozen=True, slots=True)
class RecoveryCodes:
    """Ten codes on paper that stand in for a lost second factor: `Auth(methods=[RecoveryCodes()])`."""

    @staticmethod
    def is_installed() -> bool:
        """Tell whether the libraries that it builds on are here: it needs none."""
        return True

    def bind(self, services: Services) -> RecoveryCodesMethod:
        """Return the method, at work."""
        return RecoveryCodesMethod(services, RecoveryCodeSteps(services))
