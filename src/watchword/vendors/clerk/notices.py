"""What Clerk's webhooks say of sessions that ended, and of users who are gone."""

from typing import Final

from watchword.sessions.endings import Ended
from watchword.vendors.facts import members_of, text_of
from watchword.vendors.notices import Event

_SESSION: Final = frozenset({"session.ended", "session.removed", "session.revoked"})


def read_event(event: Event) -> Ended | None:
    """Return what is over by this event of Clerk's."""
    data, type_ = members_of(event.get("data")), event.get("type")
    subject = text_of(data, "id")
    if subject and type_ in _SESSION:
        return Ended(subject, text_of(data, "user_id"), 0)
    return Ended("", subject, 0) if subject and type_ == "user.deleted" else None
