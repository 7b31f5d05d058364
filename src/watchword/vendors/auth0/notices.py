"""What Auth0's log streams say of users who are gone. Of sessions its back-channel logout tells (`vendors/logout.py`)."""

import json
from typing import Any, cast

from watchword.sessions.endings import Ended
from watchword.tokens.refused import TokenRefused
from watchword.tokens.strict import read_object
from watchword.vendors.facts import members_of, text_of
from watchword.vendors.notices import Event


def read_event(event: Event) -> Ended | None:
    """Return what is over by this event of Auth0's log: `sdu`, a user was deleted."""
    entry = members_of(event.get("data")) or event
    subject = text_of(entry, "user_id")
    return Ended("", subject, 0) if subject and entry.get("type") == "sdu" else None


def split_events(body: bytes) -> list[Event]:
    """Return the events of a log stream's body: an array, one object, or one object a line, as the stream is set up.

    Raises:
        TokenRefused: it is neither.
    """
    text = body.strip()
    if not text.startswith(b"["):
        return [read_object(line, "the line") for line in text.splitlines() if line.strip()]
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TokenRefused("token_malformed", "the body is not JSON") from error
    return [members_of(one) for one in cast("list[object]", found)]
