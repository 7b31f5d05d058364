"""Reading a request's body: JSON into a Struct, a form into a dict. Anything else is refused, by field, unechoed."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final, TypeVar, cast
from urllib.parse import parse_qsl

import msgspec

from watchword.foundation.errors import INPUT_INVALID, Code, Denied, FieldError
from watchword.http.request import Request
from watchword.http.text import BROKEN_PERCENT, shown_name, text_flaw, unique_fields

MAXIMUM_BODY: Final = 64 * 1024
"""Bytes. Web adapters stop reading one byte after it, so that a longer body never fills the memory."""
_MAXIMUM_DEPTH = 32
_MAXIMUM_FORM_FIELDS = 50
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

BODY_TOO_LARGE: Final = Code("body_too_large", 413, "The body is too large", "Send at most 64 KiB.")
UNSUPPORTED_MEDIA_TYPE: Final = Code(
    "unsupported_media_type",
    415,
    "The body has another content type than this call takes",
    "Send the content type that the `Accept` header names.",
)
MALFORMED_JSON: Final = Code(
    "malformed_json", 400, "The body is not JSON", "Send one JSON object in UTF-8, at most 32 levels deep (RFC 8259)."
)
MALFORMED_FORM: Final = Code(
    "malformed_form", 400, "The body is no form", "Send `name=value` pairs, percent-encoded in UTF-8, at most 50."
)

# Tokens that matter for depth: strings are skipped whole, even one cut short, so the scan takes linear time.
_DEPTH_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_PLACE = re.compile(r" - at `(?:key` in `)?\$(?P<path>[^`]*)`\Z")
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]*)`\Z")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`\Z", re.DOTALL)
_EXPECTED = re.compile(r"Expected (?P<expected>.*?)(?:, got .*)?\Z", re.DOTALL)
_JSON_WORDS = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
    "object": "an object",
    "array": "an array",
}
_Value = TypeVar("_Value")


class Input(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Base of every input of a route. A field it does not declare is refused, never dropped in silence (A16)."""


class _DuplicateMember(Exception):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def read_json(request: Request, type_: type[_Value]) -> _Value | Denied:
    """Return the JSON body as a `type_`, or why it is none: 413, 415, 400 (no JSON) or 422 (other JSON than expected)."""
    value = parse_json(request)
    return value if isinstance(value, Denied) else convert_input(value, type_)


def parse_json(request: Request) -> Any:
    """Return the JSON body as plain data, or why it is none.

    Stricter than RFC 8259 needs: a member given twice, NaN and numbers that overflow, NUL characters, lone
    surrogates and more than 32 levels are refused, so that no two readers can see different things in one body.
    """
    text = _body_text(request, JSON, MALFORMED_JSON)
    if isinstance(text, Denied):
        return text
    if _too_deep(text):
        return Denied(MALFORMED_JSON, f"The JSON is nested deeper than {_MAXIMUM_DEPTH} levels.")
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except _DuplicateMember as error:
        return _invalid(FieldError(shown_name(error.name), "given once"))
    except ValueError:
        return Denied(MALFORMED_JSON, "The body does not parse as JSON.")
    return next(_flaws(value, ""), None) or value


def read_form(request: Request) -> dict[str, str] | Denied:
    """Return the fields of a form body (`application/x-www-form-urlencoded`), or why it is none: 413, 415, 400, 422.

    An empty body is a form without fields. A field given twice is refused: readers differ in which one they take.
    """
    if not request.body and not request.header_values("content-type"):
        return {}
    text = _body_text(request, FORM, MALFORMED_FORM)
    if isinstance(text, Denied):
        return text
    if not text.isascii() or BROKEN_PERCENT.search(text):
        return Denied(MALFORMED_FORM, "A character is not percent-encoded, or a percent sign has no two digits.")
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MAXIMUM_FORM_FIELDS
        )
    except ValueError:
        return Denied(MALFORMED_FORM, "The body does not parse as a form of at most 50 fields in UTF-8.")
    return unique_fields(pairs)


def convert_input(value: Any, type_: type[_Value]) -> _Value | Denied:
    """Return plain data (a form's dict, parsed JSON) as a `type_`, or the refusal that names the field."""
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        return _invalid(field_error(error))


def _invalid(field: FieldError) -> Denied:
    return Denied(INPUT_INVALID, fields=(field,))


def _body_text(request: Request, media_type: str, malformed: Code) -> str | Denied:
    """Return the body as text, once its size, content type and encoding are right."""
    if len(request.body) > MAXIMUM_BODY:
        return Denied(BODY_TOO_LARGE)
    if not is_media_type(request.header("content-type"), media_type):
        return Denied(UNSUPPORTED_MEDIA_TYPE, f"Expected {media_type}.", headers=(("accept", media_type),))
    try:
        return request.body.decode("utf-8")
    except UnicodeDecodeError:
        return Denied(malformed, "The body is not UTF-8.")


def is_media_type(header: str | None, media_type: str) -> bool:
    """Tell whether the header is that media type, whatever its case, with no parameter but `charset=utf-8`."""
    if header is None:
        return False
    found, *parameters = [part.strip(" \t").lower() for part in header.split(";")]
    return found == media_type and all(part in ("", "charset=utf-8", 'charset="utf-8"') for part in parameters)


def _too_deep(text: str) -> bool:
    """Tell whether arrays and objects nest too deep, before a parser that recurses sees them."""
    depth = 0
    for token in _DEPTH_TOKENS.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > _MAXIMUM_DEPTH:
                return True
        elif token[0] in "]}":
            depth -= 1
    return False


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise _DuplicateMember(name)
        members[name] = value
    return members


def _flaws(value: Any, path: str) -> Iterator[Denied]:
    """Yield a refusal for each text or number that no field of any type may hold, with its path."""
    match value:
        case str():
            if flaw := text_flaw(value):
                yield _invalid(FieldError(path or "body", flaw))
        case float():
            if not math.isfinite(value):
                yield _invalid(FieldError(path or "body", "a finite number"))
        case list():
            for index, entry in enumerate(cast("list[Any]", value)):
                yield from _flaws(entry, f"{path}[{index}]")
        case dict():
            for name, entry in cast("dict[str, Any]", value).items():
                below = _joined(path, shown_name(name))
                if flaw := text_flaw(name):
                    yield _invalid(FieldError(below, flaw))
                yield from _flaws(entry, below)
        case _:
            return


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def field_error(error: msgspec.ValidationError) -> FieldError:
    """Return where and what msgspec expected. Its messages can carry the value sent, so only known parts are kept."""
    message = str(error)
    place = _PLACE.search(message)
    path = place["path"].removeprefix(".") if place else ""
    text = message[: place.start()] if place else message
    if missing := _MISSING.match(text):
        return FieldError(_joined(path, missing["field"]), "a value: the field is required")
    if unknown := _UNKNOWN.match(text):
        return FieldError(_joined(path, shown_name(unknown["field"])), "nothing: there is no such field")
    expected = _EXPECTED.match(text)
    return FieldError(path or "body", _in_json_words(expected["expected"]) if expected else "a value of the schema")


def _in_json_words(expected: str) -> str:
    """Return msgspec's words for a type (`str | null`) as JSON's (a string or null)."""

    def word(match: re.Match[str]) -> str:
        return " or ".join(_JSON_WORDS.get(name, name) for name in match[1].split(" | "))

    return re.sub(r"`([^`]*)`", word, expected)
