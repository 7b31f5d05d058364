"""The other services that are known, from their presets."""

from typing import Final
from urllib.parse import urlsplit

from scripts.reference.markdown import GENERATED, table
from watchword.methods.oauth.preset import OAuthPreset, presets

HEAD: Final = """\
# Other services

What `OAuth("…")` knows by name: see [sign-in with other services](../guides/oauth.md).

No live service was called to check this table. Its addresses were compared with those in published packages, which the
last column names (versions of November 2026: arctic 3, @auth/core 0.41, better-auth 1, django-allauth 65,
social-auth-core 7); where it names none, they are the site's own, or come from public source code alone. What a
service's form asks for and what scopes it grants today, its own pages say.

**Trusts its address** says whether the service's word is enough that an e-mail address is the person's: *if it says
verified*, or *no*. Where it is not, the person confirms the address by a code that this site sends them.

"""
_TRUST: Final = {"claim": "if it says verified", "always": "yes", "never": "no"}


def providers_page() -> str:
    """Return the page."""
    rows = [
        (
            f"`{name}`",
            preset.title,
            "OpenID Connect" if preset.is_openid else "OAuth 2.0",
            _where(preset),
            " ".join(f"`{scope}`" for scope in preset.scopes),
            _TRUST[preset.trust_email],
            ", ".join(preset.compared_with),
        )
        for name, preset in sorted(presets().items())
    ]
    columns = ("Name", "Service", "By", "Asked at", "Scopes", "Trusts its address", "Compared with")
    return HEAD + GENERATED + table(columns, rows)


def _where(preset: OAuthPreset) -> str:
    address = preset.authorization or preset.issuer
    return f"`{urlsplit(address).hostname}`" if address else "the site's own"
