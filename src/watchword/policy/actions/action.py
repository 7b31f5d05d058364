"""What an action is, and the list of all of one `Auth`."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast, final

from watchword.foundation.errors import ConfigurationError
from watchword.policy.actions.arguments import Arguments
from watchword.policy.actions.results import Result
from watchword.policy.guard import Guard
from watchword.policy.marking import INSIDE, PUBLIC, Declaration, decorate, inside, public

Rule = Guard | Declaration
_HOW: Final = (
    "write @auth.action(guard()) for people who are signed in, @auth.action(guard(role='admin')) for admins, "
    "@auth.action(guard.inside) where it decides by itself, @auth.action(public) for everyone, on purpose"
)


@final
@dataclass(frozen=True, slots=True)
class Action:
    """A function that pages of the app can call.

    Attributes:
        name: module path and qualified name: the same in every worker that runs the same code.
        where: file and line.
        run: the function behind its rule; takes its arguments by name.
        rule: who may call it.
        arguments: what goes in.
        result: what comes out.
        limited: whether calls are counted, under its name.
        is_async: whether it runs on the app's event loop.
    """

    name: str
    where: str
    run: Callable[..., Any]
    rule: Rule
    arguments: Arguments
    result: Result
    limited: bool
    is_async: bool


def make_action(function: Any, rule: Any, *, limited: bool) -> Action:
    """Return the action that a function makes.

    Raises:
        ConfigurationError: it has no rule, or its types do not tell what goes in or out; with file and line.
    """
    if (
        not inspect.isfunction(function)
        or inspect.isgeneratorfunction(function)
        or inspect.isasyncgenfunction(function)
    ):
        raise ConfigurationError(f"{function!r} can't be an action: put @auth.action(...) on a function that returns")
    name, where = f"{function.__module__}.{function.__qualname__}", _where(function)
    is_async = inspect.iscoroutinefunction(function)
    try:
        kept = _rule(rule)
        arguments, result = Arguments(name, function), Result(function)
        _check_rule(kept, arguments, is_async=is_async)
    except (TypeError, NameError) as error:
        raise ConfigurationError(f"the action {name} ({where}) does not start: {error}") from error
    return Action(name, where, decorate(function, cast("Any", kept)), kept, arguments, result, limited, is_async)


def _rule(given: Any) -> Rule:
    if isinstance(given, Guard):
        return given
    if given is public or given is inside:
        return PUBLIC if given is public else INSIDE
    raise TypeError(f"it has no rule: {_HOW}")


def _check_rule(rule: Rule, arguments: Arguments, *, is_async: bool) -> None:
    """Make sure that the rule can be asked: about arguments that there are, and in code that can wait for it."""
    if not isinstance(rule, Guard):
        return
    if missing := sorted(rule.parameters.difference(arguments.types)):
        raise TypeError(f"its guard asks for {missing[0]!r}, and it takes {', '.join(arguments.types) or 'nothing'}")
    pending = [rule]
    while pending:
        one = pending.pop()
        if one.when is not None and inspect.iscoroutinefunction(one.when.ask) and not is_async:
            raise TypeError(f"its guard asks the async {one.when.name}, and it is not async: make both the same")
        pending += [*one.all_of, *one.any_of]


def _where(function: Any) -> str:
    path = Path(function.__code__.co_filename)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}:{function.__code__.co_firstlineno}"
