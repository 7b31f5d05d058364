"""All commands in one tree, and how a mistake is told."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from watchword.cli import audit, doctor, keys, migrate, routes, secret, serve, token, users
from watchword.foundation.errors import WatchwordError

app = typer.Typer(
    name="watchword",
    help="""Sign-in for your apps: run the server, look after its accounts, check its settings.

\b
Start here:
  watchword serve                      a server on http://127.0.0.1:8000, nothing to set up
  watchword users create ada@example.org --role admin
  watchword doctor                     what a configuration lacks, and how to mend it

Settings come from the command line, then WATCHWORD_… variables, then watchword.toml, then the defaults.""",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("migrate")(migrate.migrate)
app.command("doctor")(doctor.doctor)
app.add_typer(users.app)
app.add_typer(audit.app)
app.add_typer(keys.app)
app.add_typer(token.app)
app.command("routes")(routes.routes)
app.command("secret")(secret.secret)


@app.callback(invoke_without_command=True)
def _version(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False
) -> None:
    if version:
        from watchword import __version__

        typer.echo(f"watchword {__version__}")
        raise typer.Exit


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command; what it refuses is said without a traceback, with exit code 1.

    Raises:
        SystemExit: always.
    """
    try:
        app(None if arguments is None else list(arguments))
    except WatchwordError as error:
        sys.exit(str(error))
