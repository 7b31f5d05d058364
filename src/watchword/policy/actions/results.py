"""What comes out of an action: what its return type declares, and nothing else of what the function gave."""

import inspect
from collections.abc import Callable
from types import UnionType
from typing import Any, Final, Union, cast, final, get_args, get_origin

import msgspec

from watchword.http.origin import safe_next
from watchword.policy.actions.models import is_model, model_of, narrowed, plain_model
from watchword.policy.actions.shapes import flaw_of

_PLAIN: Final = "plain"


class ResultError(Exception):
    """An action gave something else than its return type declares. A defect; its message tells nothing of the value."""


@final
class Redirect:
    """What an action returns to lead the browser on: `return Redirect("/notes")`, declared as `-> Redirect`.

    Args:
        path: a path of this site, from its root: `/notes?page=2`.

    Raises:
        ValueError: it leads elsewhere, or could be read so (A47).
    """

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        if safe_next(path, "") != path or not path:
            raise ValueError("Redirect takes a path of this site, from its root: Redirect('/notes')")
        self.path = path


@final
class Result:
    """What one function returns.

    Args:
        function: its return type is declared; a union with `Redirect` says that it may lead elsewhere.

    Raises:
        TypeError: it is not declared, or limits nothing; says how to mend that.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        declared = inspect.signature(function, eval_str=True).return_annotation
        if declared is inspect.Signature.empty:
            raise TypeError("it has no return type: write -> None, or the type whose fields may leave: -> UserView")
        self._may_lead = declared is Redirect or Redirect in get_args(declared)
        options = get_args(declared) if get_origin(declared) in (Union, UnionType) else (declared,)
        kept = [option for option in options if option is not Redirect]
        self._type: Any = cast("Any", Union)[tuple(kept)] if kept else type(None)
        if flaw := flaw_of(self._type, is_input=False):
            raise TypeError(f"its return type can't be sent: {flaw}")
        self._decoder = msgspec.json.Decoder(self._type, dec_hook=_narrow)

    def encode(self, value: Any) -> bytes:
        """Return what may leave of the value, as JSON; nothing of a `Redirect`, which is declared too.

        Twice over: once to read rows and objects by their attributes, and once as plain data, since what stands in
        the fields of an object of the right type can be of another type, or of a subclass that has more.

        Raises:
            ResultError: it is not what is declared.
        """
        if isinstance(value, Redirect) and self._may_lead:
            return b""
        try:
            read = msgspec.convert(value, self._type, from_attributes=True, dec_hook=model_of)
            plain = msgspec.json.encode(read, enc_hook=_plain)
            return msgspec.json.encode(self._decoder.decode(plain), enc_hook=_narrowed)
        except (msgspec.ValidationError, TypeError, ValueError) as error:
            raise ResultError("what the action returned is not what its return type declares") from error


def _plain(value: Any) -> Any:
    if is_model(type(value)):
        return plain_model(value)
    raise TypeError(f"{type(value).__qualname__} is no plain data")


def _narrow(kind: Any, plain: Any) -> Any:
    """Return a shell of the model that holds, in place of its fields, the plain data that may leave."""
    shell = kind.model_construct()
    object.__setattr__(shell, "__dict__", {_PLAIN: narrowed(kind, plain)})
    return shell


def _narrowed(shell: Any) -> Any:
    return cast("dict[str, Any]", vars(shell))[_PLAIN]
