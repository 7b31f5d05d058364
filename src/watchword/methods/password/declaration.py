"""The password method, declared: its options, and what it is made of."""

from dataclasses import dataclass, field
from typing import final

from watchword.admission.services import Services
from watchword.methods.password.hashing import Figures, PasswordHasher
from watchword.methods.password.routes import PasswordMethod
from watchword.methods.password.screening import Screening
from watchword.methods.password.steps import PasswordSteps


@final
@dataclass(frozen=True, slots=True)
class Password:
    """Sign-in with a password: `Auth(password=Password(...))`.

    Attributes:
        figures: cost of Argon2id, at OWASP's minimum or above; raise them and hashes follow at the next sign-in.
    """

    figures: Figures = field(default_factory=Figures)

    def bind(self, services: Services) -> PasswordMethod:
        """Return the method, at work.

        Raises:
            ConfigurationError: the figures are below OWASP's minimum in production.
        """
        if services.settings.is_production:
            self.figures.check()
        screening = Screening.of(services.settings.breached_password_url)
        return PasswordMethod(services, PasswordSteps(services, PasswordHasher(self.figures), screening))
