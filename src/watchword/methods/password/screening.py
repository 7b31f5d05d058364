"""What stands between a person and a bad password: the offline list, the estimate, and the range service if any."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from watchword.foundation.errors import FieldError
from watchword.foundation.secrets import Secret
from watchword.methods.password import strength
from watchword.methods.password.breached import RangeService


@final
@dataclass(frozen=True, slots=True)
class Screening:
    """Looks at new passwords; `service` is asked last, where there is one."""

    service: RangeService | None

    @classmethod
    def of(cls, range_service_url: str | None) -> "Screening":
        """Return the screening with a range service at this URL, or without one."""
        return cls(RangeService(range_service_url) if range_service_url else None)

    def objection(self, field: str, password: Secret, context: Sequence[str]) -> FieldError | None:
        """Return why the password can't be chosen, or `None`; `context` are words about its owner."""
        found = strength.objection(field, password, context)
        if found is None and self.service is not None and self.service.knows(password):
            return FieldError(field, "a password that was in no breach", reason="found_in_breach")
        return found
