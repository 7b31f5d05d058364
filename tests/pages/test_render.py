"""What a page's HTML and headers hold, whatever page it is."""

import re
from dataclasses import fields, replace
from html.parser import HTMLParser

import pytest

from tests.pages.samples import AT, HOSTILE, MESSAGES, SAMPLES, SESSIONS, USER, Sample
from watchword.foundation.errors import INPUT_INVALID, Code, Denied, FieldError
from watchword.foundation.settings import Brand, Settings
from watchword.http.request import Request
from watchword.http.response import Response
from watchword.methods.password.steps import INVALID_CREDENTIALS
from watchword.pages.contexts import AccountPage, ErrorPage, Page, SignInPage, SignUpPage, parse_notice
from watchword.pages.render import Renderer, mail_response, template_name

RENDERER = Renderer(Settings(brand=Brand("Acme")))
UNKNOWN = Code("only_in_this_test", 418, "Teapot", "Brew coffee elsewhere.")
every_sample = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())


class Elements(HTMLParser):
    """All start tags of a page, with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))

    def of(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.all if tag in tags]


def html(response: Response) -> str:
    return response.body.decode()


def draw(page: Page, denied: Denied | None = None, language: str = "en") -> str:
    return html(RENDERER.render(page, language, denied=denied))


@every_sample
def test_every_page_forbids_storing_framing_and_inline_code(sample: Sample):
    """A54: no page can be put into a frame; CB-077 and A55: nothing inline runs."""
    response = RENDERER.render(sample.page, "en", denied=sample.denied)
    policy = response.header("content-security-policy") or ""
    assert response.header("cache-control") == "no-store"
    assert response.header("content-type") == "text/html; charset=utf-8"
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@every_sample
def test_no_page_has_code_or_styles_in_it(sample: Sample):
    for tag, attributes in Elements(draw(sample.page, sample.denied)).all:
        assert tag != "style"
        assert tag != "script" or attributes.get("src")
        assert not any(name == "style" or name.startswith("on") for name in attributes), attributes


@every_sample
@pytest.mark.parametrize("language", ["en", "de"])
def test_every_page_says_its_language_and_has_one_heading_and_main_part(sample: Sample, language: str):
    response = RENDERER.render(sample.page, language, denied=sample.denied)
    elements = Elements(html(response))
    assert elements.of("html") == [{"lang": language}]
    assert response.header("content-language") == language
    assert len(elements.of("h1")) == len(elements.of("main")) == 1


@every_sample
def test_every_field_has_a_label_and_may_be_filled_by_a_password_manager(sample: Sample):
    """CB-159: pasting is never limited, so there is no `maxlength` that would cut a pasted password."""
    elements = Elements(draw(sample.page, sample.denied))
    labelled = {label["for"] for label in elements.of("label")}
    for field in elements.of("input"):
        if field.get("type") == "hidden" or field.get("aria-hidden") == "true":
            continue
        assert field["id"] in labelled
        assert field["autocomplete"]
        assert "maxlength" not in field
        assert field["type"] != "password" or field["autocomplete"] in ("current-password", "new-password")


@every_sample
def test_every_link_and_form_stays_under_the_prefix(sample: Sample):
    moved = Renderer(Settings(prefix="/konto", brand=Brand("Acme")))
    elements = Elements(html(moved.render(sample.page, "en", denied=sample.denied)))
    places = [
        one.get("href") or one.get("action") or one.get("src") for one in elements.of("a", "form", "link", "iframe")
    ]
    for place in places:
        # An `otpauth:` address opens the authenticator app of the device itself.
        assert place is None or place.startswith(("/konto/", "#", "http://localhost:8000/", "otpauth://totp/Acme:"))


@every_sample
def test_no_ids_stand_twice_on_a_page(sample: Sample):
    ids = [attributes["id"] for _, attributes in Elements(draw(sample.page, sample.denied)).all if "id" in attributes]
    assert len(ids) == len(set(ids))


@every_sample
def test_a055_whatever_a_person_typed_is_escaped(sample: Sample):
    """A55, A57: every text value of every page, replaced by markup, comes out as text."""
    texts = {
        one.name: HOSTILE
        for one in fields(sample.page)
        if isinstance(getattr(sample.page, one.name), str) and one.name not in ("notice", "purpose")
    }
    page = replace(sample.page, **texts)
    if isinstance(page, AccountPage):
        session = replace_struct(SESSIONS[0], user_agent=HOSTILE, address=HOSTILE)
        user = replace_struct(USER, name=HOSTILE, email=HOSTILE, user_name=HOSTILE)
        page = replace(page, user=user, sessions=(session,))
    drawn = draw(page, sample.denied)
    assert "<script>alert" not in drawn
    assert not any("alert(1)" in name for _, attributes in Elements(drawn).all for name in attributes)


def replace_struct(struct, **values):
    import msgspec

    return msgspec.structs.replace(struct, **values)


def test_a_hostile_mail_is_escaped_in_the_mailbox():
    from dataclasses import replace as replaced

    from watchword.pages.contexts import MailboxPage

    text = f"see http://localhost:8000/x\"onclick='y' {HOSTILE}"
    message = replaced(MESSAGES[0], to=HOSTILE, subject=HOSTILE, text=text)
    elements = Elements(draw(MailboxPage(messages=(message,))))
    assert not any("onclick" in attributes for _, attributes in elements.all)
    assert [one for one in elements.of("script") if "src" not in one] == []


def test_a_problem_is_named_in_the_title_at_the_top_and_at_its_field():
    denied = Denied(INPUT_INVALID, fields=(FieldError("email", "", reason="email_invalid"),))
    page = draw(SignUpPage(email="ann@"), denied)
    elements = Elements(page)
    (alert,) = [one for one in elements.of("div") if one.get("role") == "alert"]
    (email,) = [one for one in elements.of("input") if one.get("name") == "email"]
    assert "autofocus" in alert
    assert {"href": "#email"} in elements.of("a")
    assert email["aria-invalid"] == "true"
    assert (email["aria-describedby"] or "").split() == ["email-error"]
    assert email["value"] == "ann@"
    assert re.search(r"<title>Problem: .*Create your account · Acme</title>", page)


def test_a_refusal_gives_the_page_its_status_and_a_page_alone_is_200():
    assert RENDERER.render(SignInPage(), "en").status == 200
    assert RENDERER.render(SignInPage(), "en", denied=Denied(INVALID_CREDENTIALS)).status == 401
    assert RENDERER.render(SignInPage(), "en", status=404).status == 404


def test_the_wait_is_told_in_minutes_or_hours_and_never_too_short():
    def told(seconds: int) -> str:
        page = draw(SignInPage(), Denied(INVALID_CREDENTIALS, retry_after=seconds))
        found = re.search(r"Please try again in [^.]*", page)
        return found[0].removeprefix("Please try again in ") if found else ""

    assert [told(seconds) for seconds in (1, 60, 61, 600, 7_200, 7_201)] == [
        "a minute", "a minute", "2 minutes", "10 minutes", "2 hours", "3 hours",
    ]  # fmt: skip


def test_a_refusal_without_a_text_of_its_own_gets_the_general_one():
    page = draw(ErrorPage(), Denied(UNKNOWN, fields=(FieldError("x", "", reason="new"),)))
    assert "This could not be done." in page
    assert "Teapot" not in page


def test_where_to_go_next_travels_along_escaped():
    page = draw(SignInPage(next="/notes?tag=a&b=c"))
    elements = Elements(page)
    assert {"type": "hidden", "name": "next", "value": "/notes?tag=a&b=c"} in elements.of("input")
    assert {"href": "/auth/sign-up?next=/notes%3Ftag%3Da%26b%3Dc"} in elements.of("a")


def test_fields_that_only_serve_password_managers_are_not_sent():
    """The server refuses fields that it does not know."""
    page = draw(AccountPage(user=USER, sessions=SESSIONS))
    hidden = [one for one in Elements(page).of("input") if one.get("aria-hidden") == "true"]
    assert hidden
    assert not any("name" in one for one in hidden)


def test_only_other_sessions_can_be_ended_and_this_one_is_marked():
    page = draw(AccountPage(user=USER, sessions=SESSIONS))
    actions = [form["action"] for form in Elements(page).of("form") if "/sessions/" in (form.get("action") or "")]
    assert actions == [f"/auth/account/sessions/ses_{n}/end" for n in (1, 2, 3)] + ["/auth/account/sessions/end-others"]
    assert page.count("This browser") == 1


def test_moments_are_written_in_utc_and_in_the_readers_language():
    page = draw(AccountPage(user=USER, sessions=SESSIONS[:1]), language="de")
    assert f'<time datetime="{AT.isoformat()}" data-relative>am 3. November 2025, 14:02 Uhr (UTC)</time>' in page


def test_the_language_follows_the_browser_then_the_settings():
    renderer = Renderer(Settings(language="de"))
    asking = Request("GET", "/", headers=[(b"accept-language", b"fr;q=0.9, en;q=0.3")])
    assert renderer.language(asking) == "en"
    assert renderer.language(Request("GET", "/")) == "de"


def test_a_logo_takes_the_place_of_the_name_and_says_it():
    page = html(Renderer(Settings(brand=Brand("Acme", logo="/logo.svg"))).render(SignInPage(), "en"))
    assert {"class": "logo", "src": "/logo.svg", "alt": "Acme"} in Elements(page).of("img")


def test_cookies_go_out_with_the_page():
    response = RENDERER.render(SignInPage(), "en", cookies=("a=1", "b=2"))
    assert [value for name, value in response.headers if name == "set-cookie"] == ["a=1", "b=2"]


def test_a_mail_is_shown_in_a_sandbox_of_its_own():
    policy = mail_response("<p>").header("content-security-policy") or ""
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "frame-ancestors 'self'" in policy
    frame = Elements(draw(SAMPLES["mailbox"].page)).of("iframe")[0]
    assert frame["sandbox"] == "allow-popups allow-popups-to-escape-sandbox"


def test_every_page_has_a_template_and_a_sample():
    names = {template_name(page) for page in Page.__subclasses__()}
    assert {template_name(sample.page) for sample in SAMPLES.values()} == names


@pytest.mark.parametrize("text", [None, "", "x", "code_sent\n", "<script>"])
def test_a_query_names_no_notice_but_those_there_are(text: str | None):
    assert parse_notice(text) is None
    assert parse_notice("code_sent") == "code_sent"
