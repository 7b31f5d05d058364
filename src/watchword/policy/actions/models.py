"""Pydantic models, where an app brings them: met by their methods, so that Pydantic is never imported from here."""

import inspect
from typing import Any

import msgspec

from watchword.foundation.errors import FieldError
from watchword.http.text import shown_name

_SHOWN = 50
"""Faults that one refusal tells."""


class ModelError(ValueError):
    """A model refused its input. `fields` tells where and what it expected; the values sent are not kept."""

    def __init__(self, fields: tuple[FieldError, ...]) -> None:
        super().__init__("Expected a value of the model")
        self.fields = fields


def is_model(kind: Any) -> bool:
    """Tell whether this is a class of Pydantic's, version 2."""
    return isinstance(kind, type) and hasattr(kind, "model_validate_json") and hasattr(kind, "model_fields")


def model_flaw(kind: Any) -> str | None:
    """Return why this model can't be used, or `None`."""
    if "extra" not in inspect.signature(kind.model_validate_json).parameters:
        return f"{kind.__name__} needs Pydantic 2.12 or newer"
    if getattr(kind, "__pydantic_root_model__", False):
        return f"{kind.__name__} is a RootModel: write the type that it wraps"
    return None


def read_model(kind: Any, value: Any) -> Any:
    """Return the model in plain data, its types strict and no field more than it declares.

    Raises:
        ModelError: the data is no such model.
    """
    try:
        return kind.model_validate_json(msgspec.json.encode(value), strict=True, extra="forbid", by_name=False)
    except ValueError as error:
        faults: Any = getattr(error, "errors", None)
        if faults is None:
            raise
        listed = faults(include_url=False, include_context=False, include_input=False)
        raise ModelError(tuple(FieldError(_place(one["loc"]), one["msg"]) for one in listed[:_SHOWN])) from None


def _place(location: tuple[int | str, ...]) -> str:
    """Return where in the input something is wrong, as refusals write it: `addresses[0].city`."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{shown_name(part)}" for part in location]
    return "".join(parts).removeprefix(".")


def model_of(kind: Any, value: Any) -> Any:
    """Return what an action gave (a row, another model, a mapping) as this model."""
    return value if isinstance(value, kind) else kind.model_validate(value, from_attributes=True, extra="ignore")


def plain_model(model: Any) -> Any:
    """Return a model as plain data, as JSON names its fields."""
    return model.model_dump(mode="json", by_alias=True)


def narrowed(kind: Any, plain: dict[str, Any]) -> dict[str, Any]:
    """Return of a model's plain data what this class declares: a subclass may have more."""
    names = {field.serialization_alias or field.alias or name for name, field in kind.model_fields.items()}
    names |= {field.alias or name for name, field in kind.model_computed_fields.items()}
    return {name: value for name, value in plain.items() if name in names}
