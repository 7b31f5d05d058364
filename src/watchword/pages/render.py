"""Pages become HTML responses: template, texts in the reader's language, and the headers that keep them safe."""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Final, final

from markupsafe import Markup, escape

from watchword.admission.challenge import CODE_DIGITS
from watchword.foundation.clock import to_datetime
from watchword.foundation.errors import Denied
from watchword.foundation.settings import Settings
from watchword.foundation.texts import Texts, catalogues, choose_language, texts_in
from watchword.http.request import Request
from watchword.http.response import Response
from watchword.methods.password.hashing import MINIMUM_CHARACTERS
from watchword.pages.brand import initial
from watchword.pages.contexts import ErrorPage, MailboxPage, Page
from watchword.pages.device import describe_device
from watchword.pages.static import StaticFiles
from watchword.policy.withheld import RESPONSE_WITHHELD

if TYPE_CHECKING:
    from jinja2 import Environment

_PACKAGE = "watchword.pages"
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self'; form-action 'self'{apps}; base-uri 'none'; frame-ancestors 'none'"
)
"""`apps`: the declared origins, since a form that is sent here may lead back there (CSP 3, section 6.4.2)."""
_MAILBOX_POLICY: Final = f"{_POLICY}; frame-src 'self'"
_MAIL_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""For a mail's HTML in the mailbox: styles written into it, no script, and links that open in a tab of their own."""
_LINK_OR_CODE = re.compile(rf"(?P<link>https?://[^\s<>\"]+)|(?<!\d)\d{{{CODE_DIGITS}}}(?!\d)")


@final
class Renderer:
    """Draws the hosted pages of one site.

    Raises:
        ConfigurationError: the brand's colour is not `#rrggbb`.
    """

    def __init__(self, settings: Settings) -> None:
        self.static = StaticFiles(settings)
        self._settings = settings
        apps = "".join(f" {origin}" for origin in settings.origins)
        self._policy, self._mailbox_policy = _POLICY.format(apps=apps), _MAILBOX_POLICY.format(apps=apps)

    def language(self, request: Request) -> str:
        """Return the language to answer the request in."""
        header = ",".join(request.header_values("accept-language"))
        return choose_language(header, catalogues(_PACKAGE), self._settings.language)

    def render(
        self,
        page: Page,
        language: str,
        *,
        denied: Denied | None = None,
        status: int | None = None,
        cookies: tuple[str, ...] = (),
    ) -> Response:
        """Return the page as a response that nobody stores.

        Args:
            page: what to draw.
            language: see `language`; one without texts becomes English.
            denied: what went wrong: named at the top, at its fields, and in the title.
            status: 200, or that of `denied`, unless given.
            cookies: complete `Set-Cookie` values.
        """
        texts = texts_in(_PACKAGE, language)
        values = {field.name: getattr(page, field.name) for field in fields(page)}
        html = _environment().get_template(f"{template_name(page)}.html").render(
            values,
            page_name=template_name(page),
            brand=self._settings.brand,
            prefix=self._settings.prefix,
            language=texts.language,
            t=texts.html,
            static=self.static.url,
            code_digits=CODE_DIGITS,
            password_characters=MINIMUM_CHARACTERS,
            problem=_problem(texts, denied),
            errors=_field_errors(texts, denied),
            moment=_moment(texts),
            device=_device(texts),
        )  # fmt: skip
        return Response(
            status or (denied.code.status if denied else 200),
            html.encode(),
            [
                ("content-type", "text/html; charset=utf-8"),
                ("content-language", texts.language),
                ("cache-control", "no-store"),
                ("content-security-policy", self._mailbox_policy if isinstance(page, MailboxPage) else self._policy),
                *(("set-cookie", line) for line in cookies),
            ],
        )

    def error(self, language: str, denied: Denied, *, signed_in: bool = False) -> Response:
        """Return the page of a refusal that no form can show."""
        return self.render(ErrorPage(signed_in=signed_in), language, denied=denied)


def mail_response(html: str) -> Response:
    """Return a mail's HTML for the mailbox page's frame: shut in a sandbox, whoever opens it."""
    return Response(
        200,
        html.encode(),
        [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("content-security-policy", _MAIL_POLICY),
        ],
    )


def template_name(page: Page | type[Page]) -> str:
    """Return the name of a page's template and texts: `SignInPage` gives `sign_in`."""
    name = (page if isinstance(page, type) else type(page)).__name__.removesuffix("Page")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


@cache
def _environment() -> "Environment":
    # Jinja takes a while to import, and a process that serves no page needs none.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["initial"] = initial
    environment.filters["strong"] = _strong
    environment.filters["clickable"] = _clickable
    environment.filters["groups"] = _groups
    return environment


def _problem(texts: Texts, denied: Denied | None) -> Mapping[str, object] | None:
    """Return what a template tells of a refusal: its code, its text, and when to try again."""
    if denied is None:
        return None
    code = denied.code.name
    text = texts.html(f"problem.{code}" if f"problem.{code}" in texts else "problem.other")
    # Only a developer is told more: in production this refusal has no detail.
    detail = denied.detail if denied.code is RESPONSE_WITHHELD else ""
    wait = _wait(texts, denied.retry_after)
    return {"code": code, "status": denied.code.status, "text": text, "wait": wait, "detail": detail}


def _wait(texts: Texts, seconds: int | None) -> str:
    """Return the sentence that says when to try again, rounded up so that it is never too early."""
    if seconds is None:
        return ""
    minutes = -(-seconds // 60)
    return texts.count("wait.minutes", minutes) if minutes < 120 else texts.count("wait.hours", -(-minutes // 60))


def _field_errors(texts: Texts, denied: Denied | None) -> Mapping[str, Markup]:
    """Return the text of each field at fault; a reason without a text of its own gets the general one."""
    reasons = {error.field: f"reason.{error.reason}" for error in (denied.fields if denied else ())}
    return {
        field: texts.html(key if key in texts else "reason.other", minimum=MINIMUM_CHARACTERS)
        for field, key in reasons.items()
    }


def _moment(texts: Texts) -> "Callable[[datetime | int], Markup]":
    """Return the function that writes a moment as a `<time>`; the script turns it into "2 minutes ago"."""

    def moment(value: datetime | int) -> Markup:
        at = (to_datetime(value) if isinstance(value, int) else value).astimezone(UTC)
        month = texts.html(f"month.{at.month}")
        shown = texts.html("moment", day=at.day, month=month, year=at.year, clock=f"{at:%H:%M}")
        return Markup('<time datetime="{}" data-relative>{}</time>').format(at.isoformat(timespec="seconds"), shown)

    return moment


def _device(texts: Texts) -> Callable[[str], Mapping[str, object]]:
    """Return the function that describes a `User-Agent` for its owner."""

    def device(user_agent: str) -> Mapping[str, object]:
        found = describe_device(user_agent)
        match found.browser, found.system:
            case str(browser), str(system):
                label = texts.html("device.browser_on_system", browser=browser, system=system)
            case (str(known), None) | (None, str(known)):
                label = Markup("{}").format(known)
            case _:
                label = texts.html("device.unknown")
        return {"label": label, "is_phone": found.is_phone}

    return device


def _strong(text: str) -> Markup:
    return Markup("<strong>{}</strong>").format(text)


def _groups(text: str) -> str:
    """Return the text in groups of four, for reading and typing."""
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def _clickable(text: str) -> Markup:
    """Return a mail's plain text with its links to follow and its codes to pick up in one click, all escaped."""
    pieces: list[Markup] = []
    end = 0
    for match in _LINK_OR_CODE.finditer(text):
        shown = Markup('<a href="{0}">{0}</a>').format(match[0]) if match["link"] else _strong(match[0])
        pieces += [escape(text[end : match.start()]), shown]
        end = match.end()
    return Markup("").join([*pieces, escape(text[end:])])
