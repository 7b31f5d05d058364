"""The example, used as people use it: a real SQLite file, the pages and the JSON API."""

import re
import subprocess
import sys
from html import unescape

import pytest

from tests.support.asgi import AppClient, app_client
from tests.support.server import ROOT

PAGE = {"accept": "text/html"}
PASSWORD = "analytical engine no. 1"


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The example's module, with its files in a folder of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOTES_DATA", str(tmp_path_factory.mktemp("notes")))
        for name in [name for name in sys.modules if name.startswith("examples.notes")]:
            patch.delitem(sys.modules, name)
        from examples.notes import app

        yield app


@pytest.fixture(scope="module")
def visitor(example):
    """A browser that never signs in."""
    with app_client(example.app) as browser:
        yield browser


def signed_in(visitor: AppClient, email: str) -> AppClient:
    """Return another browser, whose user has signed up with the code from the mailbox."""
    browser = visitor.another()
    pending = browser.post("/auth/sign-up/password", json={"email": email, "password": PASSWORD})
    assert pending.status_code == 202, pending.text
    mailbox = browser.get("/auth/dev/mailbox", headers={"accept": "application/json"}).json()
    text = next(message["text"] for message in mailbox["messages"] if message["to"] == email)
    code = re.search(r"\b\d{4} ?\d{4}\b|\b\d{6,8}\b", text)
    assert code, text
    answer = browser.post("/auth/attempt/email_code", json={"attempt": pending.json()["attempt"], "code": code[0]})
    assert answer.status_code == 200, answer.text
    return browser


@pytest.fixture(scope="module")
def ada(visitor):
    return signed_in(visitor, "ada@example.org")


@pytest.fixture(scope="module")
def bob(visitor):
    return signed_in(visitor, "bob@example.org")


@pytest.fixture(scope="module")
def admin(visitor, example):
    example.auth.administration.create(email="root@example.org", password=PASSWORD, role="admin")
    browser = visitor.another()
    body = {"identifier": "root@example.org", "password": PASSWORD}
    assert browser.post("/auth/sign-in/password", json=body).status_code == 200
    return browser


def test_the_first_page_leads_to_sign_up_and_sign_in(visitor):
    page = visitor.get("/", headers=PAGE)
    assert page.status_code == 200
    assert 'href="/auth/sign-up?next=/notes"' in page.text
    assert 'href="/auth/sign-in?next=/notes"' in page.text
    assert visitor.get("/static/notes.css").status_code == 200


def test_who_is_signed_in_goes_on_to_the_notes(ada):
    answer = ada.get("/", headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/notes")


def test_nobody_reads_notes_without_a_session(visitor):
    for path in ("/api/notes", "/api/me", "/notes", "/admin"):
        answer = visitor.get(path, headers={"accept": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    page = visitor.get("/notes", headers=PAGE)
    assert page.status_code == 303
    assert page.headers["location"].startswith("/auth/sign-in?next=")


def test_notes_are_kept_and_deleted_on_the_page(ada):
    for text in ("Buy a loom & <cards>", "Ring Charles"):
        answer = ada.post("/notes", data={"text": f"  {text}\n"}, headers=PAGE)
        assert (answer.status_code, answer.headers["location"]) == (303, "/notes")
    page = ada.get("/notes", headers=PAGE).text
    assert "<cards>" not in page
    shown = re.findall(r'<p class="text">(.*?)</p>', page)
    assert [unescape(text) for text in shown] == ["Ring Charles", "Buy a loom & <cards>"]
    for note in re.findall(r"/notes/(\d+)/delete", page):
        assert ada.post(f"/notes/{note}/delete").status_code == 303
    assert "Nothing here yet" in ada.get("/notes", headers=PAGE).text


def test_the_api_keeps_lists_and_deletes(bob):
    made = bob.post("/api/notes", json={"text": "Fix the fountain"})
    assert made.status_code == 201
    assert bob.get("/api/notes").json() == [made.json()]
    assert bob.delete(f"/api/notes/{made.json()['id']}").status_code == 204
    assert bob.get("/api/notes").json() == []


def test_the_notes_of_others_are_not_there(ada, bob):
    note = ada.post("/api/notes", json={"text": "Mine"}).json()["id"]
    assert bob.get("/api/notes").json() == []
    assert bob.delete(f"/api/notes/{note}").status_code == 404
    assert bob.post(f"/notes/{note}/delete").status_code == 404
    assert [entry["id"] for entry in ada.get("/api/notes").json()] == [note]
    ada.delete(f"/api/notes/{note}")


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001])
def test_an_empty_or_endless_note_is_refused(ada, text):
    assert ada.post("/api/notes", json={"text": text}).status_code == 422
    assert ada.post("/notes", data={"text": text}).status_code == 422
    assert ada.get("/api/notes").json() == []


def test_another_site_can_not_post_into_a_session(ada):
    for origin in ("https://evil.example", "null"):
        answer = ada.post("/notes", data={"text": "spam"}, headers={"origin": origin})
        assert answer.status_code == 403
    assert ada.get("/api/notes").json() == []


def test_the_api_tells_who_asks(ada):
    me = ada.get("/api/me").json()
    assert (me["email"], me["role"]) == ("ada@example.org", "user")
    assert me["id"].startswith("usr_")


def test_only_an_admin_sees_the_users(ada, admin):
    assert ada.get("/admin", headers=PAGE).status_code == 403
    page = admin.get("/admin", headers=PAGE)
    assert page.status_code == 200
    assert "ada@example.org" in page.text
    assert 'href="/admin"' in page.text
    assert 'href="/admin"' not in ada.get("/notes", headers=PAGE).text


def test_an_answer_that_depends_on_the_session_is_kept_from_caches(ada):
    assert ada.get("/notes", headers=PAGE).headers["cache-control"] == "no-store"


def test_signing_out_by_the_form_of_the_page_ends_the_session(visitor):
    eve = signed_in(visitor, "eve@example.org")
    form = re.search(r'<form method="post" action="(/auth/[^"]+)">', eve.get("/notes", headers=PAGE).text)
    assert form
    answer = eve.post(form[1], headers={**PAGE, "content-type": "application/x-www-form-urlencoded"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/signed-out")
    assert eve.get("/api/me").status_code == 401


def test_a_taken_port_is_told_with_what_to_do(tmp_path, monkeypatch):
    import socket

    monkeypatch.setenv("NOTES_DATA", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as other:
        command = [sys.executable, "-m", "examples.notes", "--port", str(other.getsockname()[1])]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert "--port" in result.stderr
    assert "Traceback" not in result.stderr
