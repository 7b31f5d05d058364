"""`watchword token`: why a token or cookie of another system is accepted or refused."""

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from watchword.cli.terminal import print_json

app = typer.Typer(
    name="token", help="Tokens and cookies of other systems: what they say, and the verdict.", no_args_is_help=True
)


_NAMES_ITS_COOKIE: Final = (
    "iron-session", "ironsession", "nextauth", "next-auth", "authjs", "jose", "jwt", "workos",
)  # fmt: skip
"""Vendors whose class has a `cookie_name`, which `--cookie` then says too."""


@app.callback()
def _tokens() -> None:
    """Make `explain` a command under `token`, though it is the only one."""


@app.command("explain")
def explain(
    *,
    vendor: Annotated[str | None, typer.Option(help="Whose rules: clerk, auth0, nextauth, supabase, oidc …")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(help="KEY=VALUE, as the trust class takes it; several times, and several values."),
    ] = None,
    keys: Annotated[Path | None, typer.Option(help="The issuer's key set as a file: nothing is fetched then.")] = None,
    now: Annotated[int | None, typer.Option(help="The time of the verdict, in seconds since the epoch.")] = None,
    cookie: Annotated[
        str | None, typer.Option(help="Read lines of name=value, the cookie of this name and its chunks among them.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read a token, a cookie's value or a header from standard input; print its kind, its claims and the verdict.

    Never from the arguments: those stand in the shell's history and in the list of processes. Exit code 0 where it is
    valid, 1 where it is refused, 2 where the command is used wrongly.

    \b
    Examples:
      pbpaste | watchword token explain --vendor clerk --option publishable_key=pk_live_…
      watchword token explain --vendor jose --option issuer=https://me --option audience=api \\
        --option algorithms=ES256 --keys jwks.json --json < token.txt
    """  # noqa: D301
    import msgspec

    from watchword.foundation.errors import ConfigurationError
    from watchword.vendors.explain import Check, Explanation
    from watchword.vendors.explain import explain as explain_credential

    text = sys.stdin.read().strip("\r\n\t ")
    try:
        trust = _trust(vendor, option or [], keys, now, cookie) if vendor else None
    except ConfigurationError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    if not text:
        typer.echo("Nothing came on standard input: write the token there.", err=True)
        raise typer.Exit(2)
    credential = _credential(text, trust, cookie)
    if credential is None:
        absent = Check(check="form", passed=False, reason="the cookies hold nothing for this vendor")
        told = Explanation(
            valid=False, kind="cookie", reason="token_missing", session=None, checks=(absent,), header={}, claims={}
        )
    else:
        told = explain_credential(trust, credential)
    if as_json:
        print_json(msgspec.to_builtins(told))
    else:
        _print(told)
    raise typer.Exit(0 if told.valid else 1)


def _trust(vendor: str, options: list[str], keys: Path | None, now: int | None, cookie: str | None) -> Any:
    from watchword.foundation.clock import SECOND, ManualClock
    from watchword.foundation.errors import ConfigurationError
    from watchword.tokens.refused import TokenRefused
    from watchword.tokens.strict import read_object
    from watchword.vendors.named import make_trust

    given: dict[str, list[str]] = {}
    for one in options:
        name, separator, value = one.partition("=")
        if not separator:
            raise ConfigurationError(f"--option {one}: write KEY=VALUE")
        given.setdefault(name, []).append(value)
    if cookie and vendor.lower() in _NAMES_ITS_COOKIE:
        given.setdefault("cookie_name", [cookie])
    try:
        document = read_object(keys.read_bytes(), "the key set") if keys else None
        return make_trust(vendor, given, keys=document, clock=ManualClock(now * SECOND) if now is not None else None)
    except (OSError, TokenRefused) as error:
        raise ConfigurationError(f"--keys or a secret can't be used: {error}") from error


def _credential(text: str, trust: Any, cookie: str | None) -> str | None:
    """Return what is to be judged: the text itself, a header's token, or what the trust finds in the cookies."""
    name, separator, value = text.partition(":")
    if separator and name.lower() == "authorization":
        text = value.strip()
    if text[:7].lower() == "bearer ":
        return text[7:].strip()
    if separator and name.lower() == "cookie":
        pairs = value.split(";")
    elif cookie:
        pairs = [line if "=" in line and line.startswith(cookie) else f"{cookie}={line}" for line in text.splitlines()]
    else:
        return text
    cookies: dict[str, list[str]] = {}
    for pair in pairs:
        key, _, content = pair.strip().partition("=")
        cookies.setdefault(key, []).append(content)
    if trust is not None:
        return trust.credential(cookies)
    return next((values[0] for values in cookies.values()), None)


def _print(told: Any) -> None:
    import json

    typer.secho("valid" if told.valid else f"refused: {told.reason}", fg="green" if told.valid else "red")
    typer.echo(f"kind: {told.kind}")
    for title, content in (
        ("header, unverified", told.header),
        ("claims, unverified", told.claims),
        ("session", told.session),
    ):
        if content:
            typer.echo(f"{title if not told.valid else title.removesuffix(', unverified')}:")
            typer.echo(
                "\n".join(f"  {name}: {json.dumps(value, ensure_ascii=False)}" for name, value in content.items())
            )
    for check in told.checks:
        mark = {True: "passed", False: "FAILED", None: "not reached"}[check.passed]
        typer.echo(f"{mark:<12} {check.check}" + (f": {check.reason}" if check.reason else ""))
