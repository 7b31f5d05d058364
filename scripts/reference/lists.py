"""The closed lists: problems, limits, audit events, mails."""

import importlib
import pkgutil
from typing import Final, get_args

import watchword
from scripts.reference.markdown import GENERATED, code, table
from tests.support.sources import PACKAGE, sources
from watchword.audit.events import AuditEvent
from watchword.foundation.errors import declared_codes
from watchword.foundation.settings import Brand
from watchword.limits.declared import LIMITS
from watchword.outbox.render import VALUES, MailKind, render_mail

PROBLEMS_HEAD: Final = """\
# Problems

Every refusal is a problem document ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) with a stable `code`. The set
of codes is closed: a client may branch on them. `fields` names what is wrong with the input, `fix` says what the
client's developer can do. No document repeats what the caller sent.

```json
{
  "type": "https://watchword.dev/problems/input_invalid",
  "title": "The input is not what this call expects",
  "status": 422,
  "code": "input_invalid",
  "fix": "Send what each entry of `fields` names.",
  "fields": [{"field": "email", "expected": "an e-mail address such as name@example.org"}]
}
```

A 401 carries `WWW-Authenticate`; a 429 and a 503 carry `Retry-After` in seconds; a 405 carries `Allow`.

"""

LIMITS_HEAD: Final = """\
# Limits

All limits are on by default and shared by all processes. `10/10m` means: ten at once, then one more each minute.
To replace one: `Auth(limits={"sign_in_address": "300/10m"})`, or in `watchword.toml`:

```toml
[limits]
sign_in_address = "300/10m"
```

The [guide](../guides/limits.md) says how they work together.

"""

EVENTS_HEAD: Final = """\
# Audit events

What the [audit log](../guides/audit.md) records. A name once used never changes its meaning.

"""

MAILS_HEAD: Final = """\
# Mails

Every mail that Watchword sends, here as its plain text in English. Each also has an HTML form that loads nothing from
anywhere, and is written in the language of its reader where there are texts in it. No mail has a code or a link in its
subject.

"""

MEANINGS: Final[dict[AuditEvent, str]] = {
    AuditEvent.SIGNED_UP: "an account was made, its address proven by code or link",
    AuditEvent.SIGNED_IN: "a session began; names the session and the factors shown",
    AuditEvent.SIGN_IN_FAILED: "a wrong password, an unknown name, or a wrong current password",
    AuditEvent.SECOND_FACTOR_ASKED: "a sign-in began that needs another factor; names those that were shown",
    AuditEvent.SECOND_FACTOR_FAILED: "a wrong code or passkey in a sign-in or a step-up; names the method",
    AuditEvent.STEPPED_UP: "a session got a fresh proof and a new token; names the factor",
    AuditEvent.FACTOR_ADDED: "an authenticator app, a passkey or a security key was added",
    AuditEvent.FACTOR_REMOVED: "one of them was removed by its owner",
    AuditEvent.FACTORS_FORGOTTEN: "an administrator removed all second factors of somebody; their sessions ended",
    AuditEvent.RECOVERY_CODES_MADE: "new recovery codes were made; the earlier ones are void",
    AuditEvent.RECOVERY_CODE_USED: "a recovery code was used up; tells how many are left",
    AuditEvent.PASSKEY_CLONED: "a passkey's count did not rise: it may have been copied, and was refused",
    AuditEvent.IDENTITY_LINKED: "an account of another service opens this account from now on",
    AuditEvent.IDENTITY_UNLINKED: "an account of another service opens this account no more",
    AuditEvent.SIGNED_OUT: "a person ended the session they were in",
    AuditEvent.SESSION_ENDED: "a person ended another of their sessions",
    AuditEvent.SESSIONS_ENDED: "all sessions, or all others, were ended; tells how many",
    AuditEvent.CODE_FAILED: "a wrong or expired code",
    AuditEvent.LIMIT_REACHED: "a sign-in was refused by a limit; names the limit",
    AuditEvent.ORIGIN_REFUSED: "a call from another site was refused",
    AuditEvent.ACCESS_REFUSED: "a guard refused",
    AuditEvent.TRUST_NOTICE: "a trusted system said that sessions or users of its own are gone; names the system",
    AuditEvent.TRUST_NOTICE_REFUSED: "a call said to be a trusted system's was not",
    AuditEvent.RESPONSE_WITHHELD: "an answer of the app did not leave: nobody had decided, or it held a secret",
    AuditEvent.PASSWORD_CHANGED: "a person changed their password",
    AuditEvent.PASSWORD_REHASHED: "a hash was made anew at sign-in, with the figures of today",
    AuditEvent.PASSWORD_RESET_REQUESTED: "a reset was asked for; without a user where the address is unknown",
    AuditEvent.PASSWORD_RESET: "a password was set by a link",
    AuditEvent.PROFILE_CHANGED: "name or user name changed",
    AuditEvent.EMAIL_CHANGE_REQUESTED: "a change of address was begun",
    AuditEvent.EMAIL_CHANGED: "the account moved to the new address",
    AuditEvent.ACCOUNT_EXPORTED: "a person took their data",
    AuditEvent.ACCOUNT_DELETED: "a person deleted their account",
    AuditEvent.FIRST_ADMIN_CREATED: "the first admin was made by the link on the console",
    AuditEvent.USER_CREATED: "an administrator made an account",
    AuditEvent.ROLE_CHANGED: "an account got another role; its sessions ended",
    AuditEvent.USER_DISABLED: "an account was shut; its sessions ended",
    AuditEvent.USER_ENABLED: "an account was opened again",
    AuditEvent.SERVICE_KEY_CREATED: "a key for an app beside the server was made on the console",
    AuditEvent.SERVICE_KEY_REVOKED: "a key for an app beside the server was withdrawn",
}


def problems_page() -> str:
    """Return the page of every declared code."""
    _import_every_room()
    rows = [(f"`{one.name}`", str(one.status), one.title, one.fix) for one in declared_codes()]
    return GENERATED + PROBLEMS_HEAD + table(("Code", "Status", "Meaning", "What to do"), rows)


def limits_page() -> str:
    """Return the page of every limit."""
    rows = [(f"`{limit.name}`", f"`{limit.rate}`", limit.per, limit.description) for limit in LIMITS]
    return GENERATED + LIMITS_HEAD + table(("Name", "Rate", "Per", "What is counted"), rows)


def events_page() -> str:
    """Return the page of every audit event: those that the code records, then those that are only declared."""
    texts = [source.text for source in sources(PACKAGE) if not source.path.endswith("audit/events.py")]
    recorded = {event for event in AuditEvent if any(f"AuditEvent.{event.name}" in text for text in texts)}
    page = GENERATED + EVENTS_HEAD + _events(recorded)
    if declared := set(AuditEvent) - recorded:
        page += "## Declared, not recorded yet\n\n" + _events(declared)
    return page


def mails_page() -> str:
    """Return the page of every kind of mail, each drawn from its template."""
    page = GENERATED + MAILS_HEAD
    samples = {
        "code": "48213975",
        "link": "https://example.org/auth/…",
        "reset": "https://example.org/auth/forgot",
        "email": "ada.new@example.org",
        "name": "Phone of Ada",
        "left": "3",
    }
    kinds: tuple[MailKind, ...] = get_args(MailKind)
    for kind in kinds:
        values = {name: samples[name] for name in VALUES[kind]}
        mail = render_mail(kind, brand=Brand(name="Example"), language="en", to="ada@example.org", **values)
        page += f"## {kind}\n\n" + code(f"Subject: {mail.subject}\n\n{mail.text}", "text")
    return page


def _events(events: set[AuditEvent]) -> str:
    rows = [(f"`{event}`", MEANINGS[event]) for event in AuditEvent if event in events]
    return table(("Event", "When"), rows)


def _import_every_room() -> None:
    """Import all modules of the package, so that all codes are declared, but for what needs a caller of its own.

    Alembic alone can run the migrations, and only a Django project can import what its models are needed for.
    """
    apart = ("watchword.storage.migrations", "watchword.web.django.")
    for module in pkgutil.walk_packages(watchword.__path__, "watchword."):
        if not module.name.startswith(apart) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
