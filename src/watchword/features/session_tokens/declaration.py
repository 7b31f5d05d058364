"""What switches session tokens on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from watchword.admission.services import Services

if TYPE_CHECKING:
    from watchword.features.session_tokens.routes import SessionTokenFeature


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTokens:
    """What switches session tokens on: `Auth(features=[SessionTokens(audience="https://api.example.org")])`.

    Attributes:
        audience: the services that the tokens are for, as their `aud`: one name, or several.
        lifetime: how long each lives: `60s`, at most 15 minutes. So long, a session that was ended may still be
            believed elsewhere.
    """

    audience: str | tuple[str, ...]
    lifetime: str = "60s"

    def bind(self, services: Services) -> "SessionTokenFeature":
        """Return the feature, at work.

        Raises:
            ConfigurationError: there is no audience, or the lifetime is too long.
        """
        # Imported only where it is used: whoever signs no tokens loads nothing for it.
        from watchword.features.session_tokens.routes import SessionTokenFeature

        return SessionTokenFeature(services, self)
