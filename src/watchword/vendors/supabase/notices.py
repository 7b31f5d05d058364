"""What Supabase's database webhooks say of rows that are gone from `auth.sessions` and `auth.users`."""

from typing import Final

from watchword.sessions.endings import Ended
from watchword.vendors.facts import members_of, text_of
from watchword.vendors.notices import Event

_BARRED: Final = ("banned_until", "deleted_at")


def read_event(event: Event) -> Ended | None:
    """Return what is over by this event of Supabase's."""
    former, row = members_of(event.get("old_record")), members_of(event.get("record"))
    subject, type_ = text_of(former, "id"), event.get("type")
    table = event.get("table") if event.get("schema") == "auth" else None
    if subject and table == "sessions" and type_ == "DELETE":
        return Ended(subject, text_of(former, "user_id"), 0)
    # Who is banned, or deleted softly, stays as a row.
    barred = type_ == "UPDATE" and any(row.get(name) and row[name] != former.get(name) for name in _BARRED)
    return Ended("", subject, 0) if subject and table == "users" and (barred or type_ == "DELETE") else None
