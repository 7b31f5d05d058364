"""Objects that must not be returned to a client, known by their identity."""

import weakref
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, cast

_tainted: dict[int, tuple[weakref.ref[Any], str]] = {}
_PLAIN = (str, bytes, int, float, bool, type(None))


def taint_object_reference(message: str, thing: object) -> None:
    """Keep this very object from being returned to a client, by itself or inside of what is returned.

    A copy of it, or a value read from it, is another object: taint values with `taint_unique_value()`.

    Args:
        message: for the developer, when it is found: what to return instead.
        thing: an instance of a class, such as a row of an ORM. The taint ends with it.

    Raises:
        TypeError: it is of a type that can't be referred to weakly.
    """
    key = id(thing)
    try:
        _tainted[key] = (weakref.ref(thing, lambda _: _tainted.pop(key, None)), message)
    except TypeError:
        raise TypeError(
            f"a {type(thing).__name__} can't be tainted, since Python does not tell when it is collected: dict, list, "
            "tuple, str, bytes and numbers never can. Use a class of your own; with slots, say `weakref_slot=True` "
            "(dataclass) or `weakref=True` (msgspec.Struct)"
        ) from None


def untaint_object(thing: object) -> None:
    """Let the object be returned again."""
    _tainted.pop(id(thing), None)


def tainted_object_in(value: object) -> str | None:
    """Return the message of the first tainted object in what a handler returns, or `None`.

    Looks into mappings, lists, tuples, sets, dataclasses, msgspec structs, Pydantic models and attrs classes, into each
    object once.
    """
    if not _tainted:
        return None
    seen: dict[int, object] = {}
    left = [value]
    while left:
        thing = left.pop()
        if isinstance(thing, _PLAIN) or id(thing) in seen:
            continue
        # Kept, so that no other object gets its identity meanwhile.
        seen[id(thing)] = thing
        found = _tainted.get(id(thing))
        if found is not None and found[0]() is thing:
            return found[1]
        left += _inside(thing)
    return None


def _inside(thing: Any) -> Iterable[Any]:
    """Return what an encoder would write of this object, as objects."""
    if isinstance(thing, Mapping):
        mapping = cast("Mapping[Any, Any]", thing)
        return [*mapping.keys(), *mapping.values()]
    if isinstance(thing, list | tuple | set | frozenset):
        return cast("Iterable[Any]", thing)
    kind = cast("Any", type(thing))
    if hasattr(kind, "model_fields"):
        return [*_values(vars(thing)), *_values(getattr(thing, "__pydantic_extra__", None))]
    names: Iterable[str] = getattr(kind, "__struct_fields__", ())
    if is_dataclass(kind):
        names = [field.name for field in fields(kind)]
    elif hasattr(kind, "__attrs_attrs__"):
        names = [attribute.name for attribute in kind.__attrs_attrs__]
    return [getattr(thing, name, None) for name in names]


def _values(mapping: Any) -> Iterable[Any]:
    return mapping.values() if mapping else ()
