"""What WorkOS's webhooks say of sessions that were revoked, and of users who are gone."""

from watchword.sessions.endings import Ended
from watchword.vendors.facts import members_of, text_of
from watchword.vendors.notices import Event


def read_event(event: Event) -> Ended | None:
    """Return what is over by this event of WorkOS's."""
    data, name = members_of(event.get("data")), event.get("event")
    subject = text_of(data, "id")
    if subject and name == "session.revoked":
        return Ended(subject, text_of(data, "user_id"), 0)
    return Ended("", subject, 0) if subject and name == "user.deleted" else None
