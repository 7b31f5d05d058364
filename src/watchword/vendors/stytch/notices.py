"""What Stytch's webhooks say of users and members who are gone. Of sessions they say nothing."""

from watchword.sessions.endings import Ended
from watchword.vendors.facts import text_of
from watchword.vendors.notices import Event


def read_event(event: Event) -> Ended | None:
    """Return what is over by this event of Stytch's."""
    gone = event.get("action") == "DELETE" and event.get("object_type") in ("user", "member")
    subject = text_of(event, "id")
    return Ended("", subject, 0) if gone and subject else None
