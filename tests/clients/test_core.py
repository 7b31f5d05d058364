"""The client's core in a real Chromium, against a real server."""

import base64
import hmac
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request

from tests.clients.conftest import PASSWORD, Site
from tests.journeys.test_passkeys import Device
from tests.support.factors import STEP

pytestmark = pytest.mark.browser
NewPage = Callable[..., Page]
CAUGHT = ".catch((error) => ({ refused: error.code, status: error.status, fields: error.fields }))"


def opened(page: Page, site: Site) -> Page:
    page.goto(f"{site.url}/pages/core.html")
    page.wait_for_function("window.client")
    return page


def sign_in(page: Page, email: str) -> Any:
    return page.evaluate(
        "(given) => watchword.signInWithPassword(client, given)" + CAUGHT, {"identifier": email, "password": PASSWORD}
    )


def subscribed(page: Page) -> None:
    """Watch the session as a page does, and wait until it is known."""
    page.evaluate("void client.session.subscribe(() => seen.push(client.session.get().status))")
    page.wait_for_function("client.session.get().status !== 'loading'")


def status(page: Page) -> str:
    return page.evaluate("client.session.get().status")


def asked(page: Page) -> list[Request]:
    """Collect the questions for the session that the page asks from now on."""
    found: list[Request] = []
    page.on("request", lambda request: found.append(request) if request.url.endswith("/auth/session") else None)
    return found


def test_a_person_signs_up_confirms_signs_out_and_in_again(client_site: Site, page: Page):
    """Each answer is the server's; what is pending is carried on by its `next`."""
    opened(page, client_site)
    pending = page.evaluate(
        "(given) => watchword.signUpWithPassword(client, given)", {"email": "new@example.org", "password": PASSWORD}
    )
    assert (pending["status"], pending["next"]) == ("pending", [{"method": "email_code", "to": "n…@example.org"}])
    attempt, code = pending["attempt"], client_site.code_for("new@example.org")
    wrong = "00000000" if code != "00000000" else "11111111"
    carry = "([attempt, code]) => watchword.continueWith(client, attempt, 'email_code', code)" + CAUGHT
    assert page.evaluate(carry, [attempt, wrong])["refused"] == "code_invalid"
    assert page.evaluate(carry, [attempt, code])["session"]["user"]["email"] == "new@example.org"
    assert page.evaluate("client.session.get().session.user.email") == "new@example.org"
    page.evaluate("watchword.signOut(client)")
    assert status(page) == "signed_out"
    assert sign_in(page, "new@example.org")["status"] == "complete"


def test_no_script_can_read_what_opens_the_account(client_site: Site, page: Page):
    """The token is in an HttpOnly cookie: neither answers, storage nor `document.cookie` hold it."""
    client_site.account("secret@example.org")
    opened(page, client_site)
    sign_in(page, "secret@example.org")
    token = next(cookie for cookie in page.context.cookies() if cookie.get("name") == "watchword")
    assert token.get("httpOnly") is True
    readable = page.evaluate(
        "JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}, client.session.get(), Object.keys(client)])"
    )
    assert str(token.get("value")) not in readable
    assert "secret@example.org" in readable


def test_a_refusal_is_an_error_with_the_servers_code(client_site: Site, page: Page):
    """A 401 is not a 403, and neither is a network that is down."""
    client_site.account("errors@example.org")
    opened(page, client_site)
    wrong = page.evaluate(
        "watchword.signInWithPassword(client, { identifier: 'errors@example.org', password: 'not this one' })" + CAUGHT
    )
    assert (wrong["refused"], wrong["status"]) == ("invalid_credentials", 401)
    assert page.evaluate("client.call('GET', '/sessions')" + CAUGHT)["refused"] == "unauthenticated"
    field = page.evaluate("client.call('POST', '/sign-up/password', { body: { email: 'x', password: 'y' } })" + CAUGHT)
    assert (field["refused"], field["fields"][0]["field"]) == ("input_invalid", "email")
    page.route("**/auth/session", lambda route: route.abort())
    assert page.evaluate("client.call('GET', '/session')" + CAUGHT) == {"refused": "network", "status": 0, "fields": []}
    page.unroute("**/auth/session")
    page.route("**/auth/session", lambda route: route.fulfill(body="<html>portal</html>"))
    assert page.evaluate("client.call('GET', '/session')" + CAUGHT)["refused"] == "unreadable_answer"


def test_a_call_ends_when_its_signal_says_so(client_site: Site, page: Page):
    """An abort is the platform's own `AbortError`, no refusal."""
    opened(page, client_site)
    ended = page.evaluate(
        "client.call('GET', '/session', { signal: AbortSignal.abort() }).catch((error) => error.name)"
    )
    assert ended == "AbortError"


def test_one_question_for_the_session_at_a_time(client_site: Site, page: Page):
    """Many askers share the answer on its way; who asks anew meanwhile shares one more."""
    opened(page, client_site)
    questions = asked(page)
    page.evaluate("Promise.all([1, 2, 3, 4].map(() => client.session.glance()))")
    assert len(questions) == 1
    page.evaluate("Promise.all([1, 2, 3, 4].map(() => client.session.refresh()))")
    assert len(questions) == 3


def test_the_session_is_asked_for_again_on_focus_and_when_the_network_is_back(client_site: Site, page: Page):
    """Without a reload the page learns that its session was ended elsewhere."""
    client_site.account("focus@example.org")
    opened(page, client_site)
    sign_in(page, "focus@example.org")
    subscribed(page)
    assert status(page) == "signed_in"
    page.context.set_offline(True)
    page.evaluate("client.session.refresh()")
    assert page.evaluate("[client.session.get().status, client.session.get().error.code]") == ["signed_in", "network"]
    client_site.auth.administration.end_sessions("focus@example.org")
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_function("client.session.get().status === 'signed_out'")
    sign_in(page, "focus@example.org")
    client_site.auth.administration.end_sessions("focus@example.org")
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.wait_for_function("client.session.get().status === 'signed_out'")


def test_signing_in_and_out_reaches_all_tabs_at_once(client_site: Site, page: Page):
    """By BroadcastChannel; the other tab asks the server who it is, and takes no session from a message."""
    client_site.account("tabs@example.org")
    opened(page, client_site)
    other = opened(page.context.new_page(), client_site)
    subscribed(other)
    assert status(other) == "signed_out"
    sign_in(page, "tabs@example.org")
    other.wait_for_function("client.session.get().session?.user.email === 'tabs@example.org'")
    page.evaluate("watchword.signOut(client)")
    other.wait_for_function("client.session.get().status === 'signed_out'")


def test_an_answer_that_was_on_its_way_does_not_undo_a_sign_in(client_site: Site, page: Page):
    """The question was asked before the sign-in, so its answer, nobody, no longer counts."""
    client_site.account("late@example.org")
    opened(page, client_site)
    held: list[Any] = []
    page.route("**/auth/session", lambda route: held.append(route))
    page.evaluate("void client.session.refresh()")
    while not held:
        page.evaluate("null")
    sign_in(page, "late@example.org")
    for route in held:
        route.fulfill(json={"session": None})
    assert status(page) == "signed_in"
    page.unroute("**/auth/session")
    page.evaluate("client.session.glance()")
    assert status(page) == "signed_in"


def test_a_passkey_signs_up_and_in_and_is_offered_in_the_field(client_site: Site, page: Page):
    """With Chromium's virtual authenticator; the autofill ceremony is the standard's conditional mediation."""
    opened(page, client_site)
    device = Device(page)
    pending = page.evaluate("watchword.signUpWithPasskey(client, { email: 'pia@example.org', name: 'Pia' })")
    code = client_site.code_for("pia@example.org")
    done = page.evaluate(
        "([attempt, code]) => watchword.continueWith(client, attempt, 'email_code', code)", [pending["attempt"], code]
    )
    assert done["status"] == "complete"
    assert len(page.evaluate("watchword.listPasskeys(client)")) == len(device.credentials()) == 1
    page.evaluate("watchword.signOut(client)")
    assert page.evaluate("watchword.signInWithPasskey(client)")["session"]["user"]["name"] == "Pia"
    page.evaluate("watchword.signOut(client)")
    assert page.evaluate("watchword.hasPasskeyAutofill()") is True
    page.evaluate("document.body.innerHTML = '<input autocomplete=\"username webauthn\">'")
    filled = page.evaluate("watchword.signInWithPasskey(client, { autofill: true })")
    assert filled["session"]["user"]["email"] == "pia@example.org"


def test_waiting_for_a_passkey_ends_with_its_signal_and_a_refusal_is_said(client_site: Site, page: Page):
    """So that a button can begin another ceremony; without a passkey there is an error of its own."""
    opened(page, client_site)
    waiting = """async () => {
        const end = new AbortController()
        const waiting = watchword.signInWithPasskey(client, { autofill: true, signal: end.signal })
        setTimeout(() => end.abort(), 50)
        return waiting.catch((error) => error.name)
    }"""
    assert page.evaluate(waiting) == "AbortError"
    Device(page, isUserVerified=False, hasUserVerification=False)
    made = page.evaluate("watchword.signUpWithPasskey(client, { email: 'uwe@example.org' })" + CAUGHT)
    assert made["refused"] == "passkey_cancelled"


def test_an_authenticator_app_and_a_recovery_code_carry_a_sign_in_on(client_site: Site, page: Page):
    """A pending answer names the steps; each is one call."""
    client_site.account("factor@example.org")
    opened(page, client_site)
    sign_in(page, "factor@example.org")
    begun = page.evaluate("client.call('POST', '/totp')")
    confirmed = page.evaluate(
        "(body) => client.call('POST', '/totp/confirm', { body })" + CAUGHT,
        {"attempt": begun["attempt"], "code": shown(begun["secret"])},
    )
    assert confirmed["status"] == "complete", confirmed
    codes = page.evaluate("client.call('POST', '/recovery-codes')")["codes"]
    page.evaluate("watchword.signOut(client)")
    pending = sign_in(page, "factor@example.org")
    assert {step["method"] for step in pending["next"]} >= {"totp", "recovery_code"}
    carry = "([attempt, step, code]) => watchword.continueWith(client, attempt, step, code)" + CAUGHT
    late = page.evaluate(carry, [pending["attempt"], "totp", shown(begun["secret"], later=1)])
    assert late["status"] == "complete", late
    page.evaluate("watchword.signOut(client)")
    pending = sign_in(page, "factor@example.org")
    assert page.evaluate(carry, [pending["attempt"], "recovery_code", codes[0]])["status"] == "complete"


def test_an_action_runs_by_its_reference(client_site: Site, page: Page):
    """What was wrong with its arguments comes by field, and the same key runs it once."""
    client_site.account("action@example.org")
    opened(page, client_site)
    sign_in(page, "action@example.org")
    reference = page.evaluate("fetch('/api/reference').then((answer) => answer.json())")["reference"]
    run = "([reference, args, options]) => watchword.callAction(client, reference, args, options)" + CAUGHT
    assert page.evaluate(run, [reference, {"name": "Ada"}, {}]) == "Hello Ada"
    assert page.evaluate(run, [reference, {"name": "nobody"}, {}])["fields"][0]["expected"] == "the name of somebody"
    assert page.evaluate(run, [reference, {"name": "Ada"}, {"key": "one"}]) == "Hello Ada"
    assert page.evaluate(run, [reference, {"name": "Bob"}, {"key": "one"}])["refused"] == "idempotency_key_reused"


def shown(secret: str, later: int = 0) -> str:
    """The code that an app shows now, made from RFC 6238 alone."""
    counter = int(time.time() * 1000) // STEP + later
    digest = hmac.digest(base64.b32decode(secret), counter.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"
