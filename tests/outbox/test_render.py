"""Mails: complete as text, safe as HTML."""

import re

import pytest

from watchword.foundation.settings import Brand
from watchword.foundation.texts import catalogues
from watchword.outbox.mail import Mail
from watchword.outbox.render import VALUES, MailKind, render_mail

SAMPLES = {
    "code": "30518264",
    "link": "https://example.org/auth/confirm/abc?x=1&y=2",
    "reset": "https://example.org/auth/forgot",
    "email": "new@example.org",
    "name": "Ada’s phone",
    "left": "7",
}
MARKUP = "<img src=x onerror=alert(1)>\"'{link}"
every_kind = pytest.mark.parametrize("kind", VALUES)


def draw(kind: MailKind, language: str = "en", brand: Brand | None = None, **changed: str) -> Mail:
    values = {name: SAMPLES[name] for name in VALUES[kind]} | changed
    return render_mail(kind, brand=brand or Brand("Acme"), language=language, to="ann@example.org", **values)


@every_kind
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_text_alone_tells_all_that_the_html_tells(kind: MailKind, language: str):
    mail = draw(kind, language)
    for name in VALUES[kind]:
        assert SAMPLES[name] in mail.text
        assert SAMPLES[name].replace("&", "&amp;") in mail.html
    assert f'<html lang="{language}">' in mail.html
    assert "Acme" in mail.subject
    assert (mail.kind, mail.to) == (kind, "ann@example.org")


@every_kind
def test_a057_markup_in_a_value_stays_text_in_the_html(kind: MailKind):
    mail = draw(kind, brand=Brand(MARKUP), **dict.fromkeys(VALUES[kind], MARKUP))
    assert "<img" not in mail.html
    assert "onerror=alert(1)>" not in mail.html
    assert "{link}" in mail.text


@every_kind
def test_a_mail_loads_nothing_and_follows_nobody(kind: MailKind):
    html = draw(kind, brand=Brand("Acme", logo="https://example.org/logo.png")).html
    assert not re.search(r"<(img|link|script|iframe|form)\b|url\(|@import|\bon\w+=", html)
    assert set(re.findall(r"https?://[^\"<\s]+", html)) <= {one.replace("&", "&amp;") for one in SAMPLES.values()}


@every_kind
def test_a_line_break_in_a_name_begins_no_header(kind: MailKind):
    subject = draw(kind, brand=Brand("Acme\r\nBcc: eve@example.net")).subject
    assert subject.isprintable()
    assert "Acme Bcc: eve@example.net" in subject


@every_kind
def test_no_subject_gives_a_code_or_link_away(kind: MailKind):
    """Subjects are shown on locked screens."""
    assert not any(value in draw(kind).subject for value in SAMPLES.values())


def test_a_missing_or_unknown_value_is_a_defect():
    with pytest.raises(TypeError, match="code"):
        render_mail("confirm_address", brand=Brand(), language="en", to="a@example.org", link="x")
    with pytest.raises(TypeError, match="code"):
        draw("password_reset", code="30518264")


def test_an_unknown_language_is_answered_in_english():
    assert draw("password_reset", "fr").subject == draw("password_reset", "en").subject
    assert draw("password_reset", "de-CH").subject == draw("password_reset", "de").subject


@every_kind
def test_every_kind_has_its_texts_and_no_more(kind: MailKind):
    parts = {"subject", "heading", "lead", "note"}
    parts |= {"button"} if "link" in VALUES[kind] else set()
    parts |= {"or_link"} if "code" in VALUES[kind] else set()
    parts |= {"reset"} if "reset" in VALUES[kind] else set()
    english = catalogues("watchword.outbox")["en"].entries
    assert {key.partition(".")[2] for key in english if key.startswith(f"{kind}.")} == parts


def test_the_brands_colour_can_be_read_on_the_button():
    assert "color:#000000" in draw("password_reset", brand=Brand(colour="#ffd43b")).html
    assert "color:#ffffff" in draw("password_reset", brand=Brand(colour="#3b5bdb")).html
