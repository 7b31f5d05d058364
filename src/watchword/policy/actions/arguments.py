"""What goes into an action: its arguments, as their types say, from JSON, from a form, and bound in a reference."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from types import UnionType
from typing import Annotated, Any, Final, Union, cast, final, get_args, get_origin

import msgspec

from watchword.foundation.errors import INPUT_INVALID, Denied, FieldError, WatchwordError
from watchword.foundation.secrets import Secret
from watchword.http.body import FORM, JSON, UNSUPPORTED_MEDIA_TYPE, field_error, is_media_type, parse_json, read_form
from watchword.http.request import Request
from watchword.http.text import shown_name
from watchword.policy.actions.models import ModelError, is_model, plain_model, read_model
from watchword.policy.actions.shapes import flaw_of

_OTHER_TYPE: Final = Denied(
    UNSUPPORTED_MEDIA_TYPE, f"Expected {JSON} or {FORM}.", headers=(("accept", f"{JSON}, {FORM}"),)
)
_MOST_FAULTS: Final = 50
_CHECKED: Final = "on"
"""What a browser sends for a checkbox without a value of its own (HTML, input elements, type checkbox)."""


class ArgumentError(Exception):
    """What is bound is no argument of this function."""


class InvalidInput(WatchwordError):
    """An action raises it where what was sent has the right types and is wrong all the same.

    For example: `raise InvalidInput(name="a name that nobody has yet")`. It is answered like a wrong type: 422, or the
    form again.

    Args:
        fields: by name of the argument, what was expected.
    """

    def __init__(self, **fields: str) -> None:
        super().__init__(f"expected something else as {', '.join(fields)}")
        self.fields = fields


@final
class Arguments:
    """The arguments of one function.

    Args:
        name: of the function.
        function: every parameter has a type, and can be given by name.

    Raises:
        TypeError: a parameter can't be filled from outside; says which and why.
    """

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        self.types: dict[str, Any] = {}
        self._defaults: dict[str, Any] = {}
        for parameter in inspect.signature(function, eval_str=True).parameters.values():
            self.types[parameter.name] = _type_of(parameter)
            if parameter.default is not parameter.empty:
                self._defaults[parameter.name] = parameter.default
        self._name = name
        self._names = frozenset(self.types)
        options = {one: _options(kind) for one, kind in self.types.items()}
        self._checkboxes = {one for one, kinds in options.items() if bool in kinds and str not in kinds}
        self._clearable = {one for one, kinds in options.items() if type(None) in kinds and str not in kinds}
        self._shape = lru_cache(maxsize=64)(self._make_shape)
        self._sent = lru_cache(maxsize=64)(self._make_sent)
        self._bound = lru_cache(maxsize=64)(self._make_bound)

    def read(self, request: Request, bound: Mapping[str, Any]) -> dict[str, Any] | Denied:
        """Return all arguments: those that the request's body sends, those that are bound, and defaults.

        What is bound can't be sent. JSON is taken as it is; a form's texts become what the types say.
        """
        is_json = is_media_type(request.header("content-type"), JSON)
        sent: Any = parse_json(request) if is_json else read_form(request)
        if isinstance(sent, Denied):
            return _OTHER_TYPE if sent.code is UNSUPPORTED_MEDIA_TYPE else sent
        if not is_json:
            sent = {name: self._meant(name, text) for name, text in sent.items()}
        wanted = self._sent(tuple(bound))
        try:
            given = msgspec.convert(sent, wanted, strict=is_json, dec_hook=_read)
        except msgspec.ValidationError as error:
            faults = (
                self._faults(cast("dict[str, Any]", sent), self._names.difference(bound), strict=is_json)
                if isinstance(sent, dict)
                else (field_error(error),)
            )
            return Denied(INPUT_INVALID, fields=tuple(islice(faults, _MOST_FAULTS)))
        if not self._defaults:
            return {**msgspec.structs.asdict(given), **bound}
        return {**self._defaults, **_given(given), **bound}

    def bind(self, values: Mapping[str, Any]) -> bytes:
        """Return the arguments that a reference is to carry.

        Raises:
            ArgumentError: there is no such parameter, or a value is not of its type.
        """
        if unknown := sorted(set(values) - self._names):
            raise ArgumentError(
                f"{self._name} has no parameter {unknown[0]!r}: it has {', '.join(self.types) or 'none'}"
            )
        try:
            packed = msgspec.msgpack.encode(values, enc_hook=_write)
        except TypeError as error:
            raise ArgumentError(f"what is bound to {self._name} can't be written down: {error}") from None
        self.unbind(tuple(values), packed)
        return packed

    def unbind(self, names: tuple[str, ...], packed: bytes) -> dict[str, Any]:
        """Return the arguments of these names that a reference carries.

        Raises:
            ArgumentError: they are none of this function, as where its code has changed meanwhile.
        """
        try:
            return _given(self._bound(names).decode(packed)) if names else {}
        except msgspec.ValidationError as error:
            wrong = field_error(error)
            raise ArgumentError(f"{self._name} can't be bound: expected {wrong.expected} as {wrong.field!r}") from None

    def _meant(self, name: str, text: str) -> Any:
        """Return what a form means by a text that stands for something else: a ticked box, a field left empty."""
        if not text and name in self._clearable:
            return None
        return True if text == _CHECKED and name in self._checkboxes else text

    def _faults(self, sent: dict[str, Any], wanted: frozenset[str], *, strict: bool) -> Iterator[FieldError]:
        """Yield all that is wrong, field by field, so that a form is mended in one go."""
        for name in sorted(sent.keys() - wanted):
            expected = "nothing: it is bound already" if name in self._names else "nothing: there is no such field"
            yield FieldError(shown_name(name), expected)
        for name in self.types:
            if name in wanted:
                only = {name: sent[name]} if name in sent else {}
                try:
                    msgspec.convert(only, self._shape(frozenset((name,))), strict=strict, dec_hook=_read)
                except msgspec.ValidationError as error:
                    yield from _faults_in(error)

    def _make_sent(self, bound: tuple[str, ...]) -> type[msgspec.Struct]:
        return self._shape(self._names.difference(bound))

    def _make_bound(self, names: tuple[str, ...]) -> msgspec.msgpack.Decoder[msgspec.Struct]:
        return msgspec.msgpack.Decoder(self._shape(self._names.intersection(names)), dec_hook=_read)

    def _make_shape(self, names: frozenset[str]) -> type[msgspec.Struct]:
        fields: list[Any] = [
            (name, kind, msgspec.UNSET) if name in self._defaults else (name, kind)
            for name, kind in self.types.items()
            if name in names
        ]
        return msgspec.defstruct("Arguments", fields, forbid_unknown_fields=True, kw_only=True)


def _type_of(parameter: inspect.Parameter) -> Any:
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise TypeError(f"its parameter {parameter} can't be given by name: name each parameter")
    if parameter.annotation is parameter.empty:
        raise TypeError(f"its parameter {parameter.name!r} has no type: write for example {parameter.name}: str")
    if flaw := flaw_of(parameter.annotation, is_input=True):
        raise TypeError(f"its parameter {parameter.name!r} can't be read: {flaw}")
    return parameter.annotation


def _options(kind: Any) -> tuple[Any, ...]:
    """Return the types that a value of this type can be of."""
    if get_origin(kind) is Annotated:
        return _options(get_args(kind)[0])
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _given(arguments: msgspec.Struct) -> dict[str, Any]:
    given = msgspec.structs.asdict(arguments)
    return {name: given[name] for name in given if given[name] is not msgspec.UNSET}


def _read(kind: Any, value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    if is_model(kind):
        return read_model(kind, value)
    raise ValueError("Expected `str`")


def _write(value: Any) -> Any:
    if is_model(type(value)):
        return plain_model(value)
    raise TypeError(f"{type(value).__qualname__} is no plain data")


def _faults_in(error: msgspec.ValidationError) -> Iterator[FieldError]:
    fault = field_error(error)
    inner = error.__cause__
    if isinstance(inner, ModelError):
        for one in inner.fields:
            between = "." if one.field and not one.field.startswith("[") else ""
            yield replace(one, field=f"{fault.field}{between}{one.field}")
    else:
        yield fault
