"""Which types an action may take and give: those of which it is plain what they let in and what they let out."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from watchword.foundation.secrets import Secret
from watchword.policy.actions.models import is_model, model_flaw


def flaw_of(kind: Any, *, is_input: bool) -> str | None:
    """Return why values of this type can't be read, or sent; `None` where they can."""
    try:
        pending = [inspect.type_info(kind)]
        msgspec.json.Decoder(kind)
    except TypeError as error:
        return str(error)
    if isinstance(pending[0], inspect.AnyType) and not is_input:
        return "it limits nothing: name the fields that may leave, in a Struct, a dataclass or a TypedDict"
    seen: set[int] = set()
    while pending:
        info = pending.pop()
        if id(info) in seen:
            continue
        seen.add(id(info))
        if flaw := _flaw_in(info, is_input=is_input):
            return flaw
        pending += _parts(info)
    return None


def _flaw_in(info: inspect.Type, *, is_input: bool) -> str | None:
    match info:
        case inspect.CustomType(cls) if is_model(cls):
            return model_flaw(cls)
        case inspect.CustomType(cls) if is_input and cls is Secret:
            return None
        case inspect.CustomType(cls):
            return f"{cls.__qualname__} names no fields: use a Struct, a dataclass, a TypedDict or a Pydantic model"
        case inspect.RawType():
            return "what is in a Raw is not known: name its type"
        case inspect.StructType(cls=cls, forbid_unknown_fields=False) if is_input:
            return f"{cls.__qualname__} would drop unknown fields: class {cls.__name__}(Struct, forbid_unknown_fields=True)"
        case inspect.DataclassType(cls=cls) | inspect.TypedDictType(cls=cls) if is_input:
            return f"{cls.__qualname__} would drop unknown fields: make it a Struct with forbid_unknown_fields=True"
        case _:
            return None


def _parts(info: inspect.Type) -> Iterator[inspect.Type]:
    """Yield the types that this one is made of."""
    for name in ("type", "item_type", "key_type", "value_type"):
        if (part := getattr(info, name, None)) is not None:
            yield part
    for name in ("types", "item_types"):
        yield from getattr(info, name, ())
    for field in getattr(info, "fields", ()):
        yield field.type
