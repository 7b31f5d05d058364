"""The query string: every parameter once, and sound text, before any handler reads it."""

from urllib.parse import parse_qsl

from watchword.foundation.errors import INPUT_INVALID, Denied, FieldError
from watchword.http.request import Request
from watchword.http.text import BROKEN_PERCENT, unique_fields

_MAXIMUM_PARAMETERS = 100
_BROKEN = Denied(INPUT_INVALID, fields=(FieldError("query", "percent-encoded UTF-8, at most 100 parameters"),))


def check_query(request: Request) -> Denied | None:
    """Return the refusal of a query string that two readers could understand differently, or `None`."""
    if not request.query.isascii() or BROKEN_PERCENT.search(request.query):
        return _BROKEN
    try:
        pairs = parse_qsl(request.query, keep_blank_values=True, errors="strict", max_num_fields=_MAXIMUM_PARAMETERS)
    except ValueError:
        return _BROKEN
    fields = unique_fields(pairs)
    return fields if isinstance(fields, Denied) else None
