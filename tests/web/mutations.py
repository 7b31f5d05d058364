"""Mistakes, made by a machine: each handler of the example apps, broken in every way that a hurried developer might.

A mutant is the source of `examples/<framework>/app.py` with one handler changed. `tests/web/test_mutations.py` runs each
and looks for the two texts that no mutant may let out: `LEAK`, answered without a decision, and `TAINTED`.
"""

import ast
import copy
import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote, quote_plus

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
LEAK: Final = "what-nobody-decided-about-51f0"
TAINTED: Final = 'sk_live_"4f9a/77c2+b1<é>'
"""A secret with letters that every encoding writes in another way."""
Right = Literal["nobody", "as before"]
"""Who may see the leak: nobody, since nothing was decided; or whom the handler let in before."""
Function = ast.FunctionDef | ast.AsyncFunctionDef
Change = Callable[[Function], None]


@dataclass(frozen=True)
class Words:
    """How a framework says things; `%s` stands for the text that is answered."""

    imports: str
    value: str
    stream: str
    header: str
    raises: tuple[str, ...]
    below: str
    """Statements before the app is returned, which put the handler `leak` below another app or router."""
    leak: str = "async def leak():"


WORDS: Final[dict[str, Words]] = {
    "fastapi": Words(
        imports="from fastapi import HTTPException\nfrom fastapi.responses import JSONResponse, StreamingResponse",
        value="{'leak': %s}",
        stream="StreamingResponse(iter(%s))",
        header="JSONResponse({}, headers={'x-note': %s})",
        raises=("HTTPException(404, %s)", "HTTPException(418, %s)", "ValueError(%s)"),
        below="sub = FastAPI()\nsub.add_api_route('/leak', leak)\napp.mount('/sub', sub)",
    ),
    "starlette": Words(
        imports="from starlette.exceptions import HTTPException\nfrom starlette.responses import StreamingResponse\n"
        "from starlette.routing import Mount",
        value="JSONResponse({'leak': %s})",
        stream="StreamingResponse(iter(%s))",
        header="JSONResponse({}, headers={'x-note': %s})",
        raises=("HTTPException(404, %s)", "HTTPException(418, %s)", "ValueError(%s)"),
        below="app.router.routes.append(Mount('/sub', routes=[Route('/leak', leak)]))",
        leak="async def leak(request: Request):",
    ),
    "flask": Words(
        imports="from flask import Blueprint, Response\nfrom werkzeug.exceptions import ImATeapot, NotFound",
        value="{'leak': %s}",
        stream="Response(iter(%s))",
        header="Response('', headers={'x-note': %s})",
        raises=("NotFound(%s)", "ImATeapot(%s)", "ValueError(%s)"),
        below="sub = Blueprint('sub', __name__)\nsub.get('/leak')(leak)\napp.register_blueprint(sub, url_prefix='/sub')",
        leak="def leak():",
    ),
    "litestar": Words(
        imports="from litestar import MediaType, Response, Router\n"
        "from litestar.exceptions import HTTPException\nfrom litestar.response import Stream",
        value="{'leak': %s}",
        stream="Stream(iter(%s), media_type=MediaType.TEXT)",
        header="Response({}, headers={'x-note': %s})",
        raises=("HTTPException(%s, status_code=404)", "HTTPException(%s, status_code=418)", "ValueError(%s)"),
        below="routes.append(Router('/sub', route_handlers=[get('/leak')(leak)]))",
        leak="async def leak() -> Any:",
    ),
    "django": Words(
        imports="from django.core.exceptions import PermissionDenied\n"
        "from django.http import Http404, StreamingHttpResponse\nfrom django.urls import include",
        value="JsonResponse({'leak': %s})",
        stream="StreamingHttpResponse(iter(%s))",
        header="JsonResponse({}, headers={'x-note': %s})",
        raises=("Http404(%s)", "PermissionDenied(%s)", "ValueError(%s)"),
        below="urlpatterns.append(path('sub/', include([path('leak', leak)])))",
        leak="async def leak(request: HttpRequest):",
    ),
}
_TAINTED: Final[dict[str, str]] = {
    "as it is": "TAINTED",
    "as JSON": "json.dumps(TAINTED)",
    "as JSON without escapes": "json.dumps(TAINTED, ensure_ascii=False)",
    "as HTML": "html.escape(TAINTED)",
    "in a URL": "urllib.parse.quote(TAINTED)",
    "in a form": "urllib.parse.quote_plus(TAINTED)",
    "as hex": "TAINTED.encode().hex()",
    "as HEX": "TAINTED.encode().hex().upper()",
    **{f"as base64 after {n}": f"base64.b64encode(b'x' * {n} + TAINTED.encode()).decode()" for n in range(3)},
    **{
        f"as base64url after {n}": f"base64.urlsafe_b64encode(b'x' * {n} + TAINTED.encode()).decode()" for n in range(3)
    },
}
_ANYTHING: Final = ast.Name("Any")
_HEAD: Final = f"""
import asyncio, base64, html, inspect, json, threading, urllib.parse
from functools import wraps
from typing import Any
from watchword import require, require_sync, verify_session
LEAK = {LEAK!r}
TAINTED = {TAINTED!r}

def cached(answer):
    def decorate(handler):
        if inspect.iscoroutinefunction(handler):
            @wraps(handler)
            async def stored(*args, **kwargs):
                return answer()
        else:
            @wraps(handler)
            def stored(*args, **kwargs):
                return answer()
        return stored
    return decorate
"""


@dataclass(frozen=True)
class Mutant:
    """One example app with one mistake in it: the module's `source`, and who may see the leak."""

    framework: str
    handler: str
    mistake: str
    source: str
    right: Right


def mutants(framework: str) -> Iterator[Mutant]:
    """Yield every mutant of a framework's example."""
    tree = ast.parse((EXAMPLES / framework / "app.py").read_text(encoding="utf-8"))
    words = WORDS[framework]
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    for handler in filter(_is_handler, functions):
        is_async = isinstance(handler, ast.AsyncFunctionDef)
        for mistake, right, change in mistakes(words, is_async=is_async):
            changed = copy.deepcopy(tree)
            change(_find(changed, handler.name))
            yield Mutant(framework, handler.name, mistake, _source(changed, words), right)
    for mistake, decorator in (
        ("below another app, undeclared", ""),
        ("below another app, undecided", "@guard.inside\n"),
    ):
        changed = copy.deepcopy(tree)
        leak = f"{decorator}{words.leak}\n    return {words.value % 'LEAK'}"
        _find(changed, "create").body[-1:-1] = ast.parse(f"{leak}\n{words.below}").body
        yield Mutant(framework, "leak", mistake, _source(changed, words), "nobody")


def mistakes(words: Words, *, is_async: bool) -> Iterator[tuple[str, Right, Change]]:
    """Yield each mistake, who may see what comes of it, and the change that makes it."""
    leak = words.value % "LEAK"
    yield "the rule is dropped", "nobody", lambda handler: _replace(handler, f"return {leak}", rule=None)
    yield "the rule stands above the route", "nobody", lambda handler: _turn(handler, f"return {leak}")
    yield "it answers before anything else", "as before", lambda handler: _begin(handler, f"return {leak}")
    yield "a cache above the rule answers", "as before", lambda handler: _decorate(handler, f"cached(lambda: {leak})")
    for body in _undecided(words, leak, is_async=is_async):
        yield f"inside: {body}", "nobody", lambda handler, body=body: _replace(handler, body, rule="guard.inside")
    for answer in ("1", "None", "session.nothing", "[True]"):
        rule = f"guard(when=lambda session: {answer})"
        yield rule, "nobody", lambda handler, rule=rule: _replace(handler, f"return {leak}", rule=rule)
    for how, text in _TAINTED.items():
        sent = words.value % text
        yield f"tainted, {how}", "nobody", lambda handler, sent=sent: _begin(handler, f"return {sent}")
    in_parts = words.stream % "[TAINTED[:9], TAINTED[9:]]"
    in_a_header = words.header % "urllib.parse.quote(TAINTED)"
    yield "tainted, in two chunks", "nobody", lambda handler: _begin(handler, f"return {in_parts}")
    yield "tainted, in a header", "nobody", lambda handler: _begin(handler, f"return {in_a_header}")


def _undecided(words: Words, leak: str, *, is_async: bool) -> Iterator[str]:
    """Yield what a `@guard.inside` handler does instead of deciding."""
    yield f"return {leak}"
    yield f"if LEAK:\n    return {leak}\nrequire_sync()"
    yield f"return {words.stream % '[LEAK]'}"
    yield f"thread = threading.Thread(target=lambda: verify_session)\nthread.start()\nthread.join()\nreturn {leak}"
    yield from (f"raise {error % 'LEAK'}" for error in words.raises)
    if is_async:
        yield f"task = asyncio.ensure_future(verify_session())\nreturn {leak}"
        yield f"task = asyncio.ensure_future(verify_session())\nawait asyncio.wait([task])\nreturn {leak}"
        yield f"waiting = verify_session()\nwaiting.close()\nreturn {leak}"
        yield f"try:\n    await require(role='none')\nexcept Exception:\n    pass\nreturn {leak}"
        yield f"await asyncio.gather(require(role='none'), return_exceptions=True)\nreturn {leak}"
    else:
        yield f"try:\n    require_sync(role='none')\nexcept Exception:\n    pass\nreturn {leak}"


def appearances(value: str) -> list[bytes]:
    """Return the ways in which a value may stand in an answer: what to look for."""
    data = value.encode()
    texts = [value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], escape(value)]
    texts += [quote(value), quote(value, safe=""), quote_plus(value), data.hex(), data.hex().upper()]
    found = [text.encode() for text in texts]
    for skipped in range(3):
        for encode in (b64encode, urlsafe_b64encode):
            # Without the letters in which neighbours of the value have a part.
            text = encode(b"x" * skipped + data).rstrip(b"=")
            found.append(text[-(-skipped * 8 // 6) : (skipped + len(data)) * 8 // 6])
    return found


def _is_handler(node: Function) -> bool:
    """Tell whether the function is a handler: it carries a rule, or takes a session."""
    takes_session = bool(node.decorator_list) and any(_is_session(one) for one in node.args.args)
    return takes_session or any(_is_ours(one) for one in node.decorator_list)


def _is_ours(decorator: ast.expr) -> bool:
    return ast.unparse(decorator).startswith(("guard", "public"))


def _is_session(argument: ast.arg) -> bool:
    return argument.annotation is not None and ast.unparse(argument.annotation) == "Session"


def _find(tree: ast.Module, name: str) -> Function:
    return next(node for node in ast.walk(tree) if isinstance(node, Function) and node.name == name)


def _source(tree: ast.Module, words: Words) -> str:
    return f"{_HEAD}\n{words.imports}\n{ast.unparse(ast.fix_missing_locations(tree))}\n"


def _statements(text: str) -> list[ast.stmt]:
    lines = "\n".join(f"    {line}" for line in text.splitlines())
    (function,) = ast.parse(f"async def f():\n{lines}").body
    assert isinstance(function, ast.AsyncFunctionDef)
    return function.body


def _begin(handler: Function, statement: str) -> None:
    handler.body[:0] = _statements(f"if LEAK:\n    {statement}")
    handler.returns = _ANYTHING


def _replace(handler: Function, body: str, *, rule: str | None) -> None:
    """Give the handler another body and another rule, or none; a session among its parameters is one as well."""
    handler.decorator_list = [one for one in handler.decorator_list if not _is_ours(one)]
    handler.args.args = [one for one in handler.args.args if not _is_session(one)]
    handler.body = _statements(body)
    handler.returns = _ANYTHING
    if rule is not None:
        handler.decorator_list.append(ast.parse(rule, mode="eval").body)


def _turn(handler: Function, body: str) -> None:
    """Put the rule above the route's own decorator, which then knows the bare handler."""
    ours = [one for one in handler.decorator_list if _is_ours(one)] or [ast.parse("guard()", mode="eval").body]
    _replace(handler, body, rule=None)
    # Where routes are no decorators, the rule would stand where it did: it is dropped instead.
    handler.decorator_list = [*ours, *handler.decorator_list] if handler.decorator_list else []


def _decorate(handler: Function, decorator: str) -> None:
    """Put a decorator just above the rule."""
    position = next((n for n, one in enumerate(handler.decorator_list) if _is_ours(one)), len(handler.decorator_list))
    handler.decorator_list.insert(position, ast.parse(decorator, mode="eval").body)
    handler.returns = _ANYTHING
