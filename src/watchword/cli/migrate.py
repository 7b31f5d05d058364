"""`watchword migrate`."""

from typing import Annotated

import typer

from watchword.cli.configuration import Config


def migrate(
    config: Config = None,
    *,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit code 1 if there is work to do.")] = False,
) -> None:
    """Bring the database to this version's schema. Safe to run twice, and on several machines at once.

    \b
    Examples:
      watchword migrate
      watchword migrate --check
      WATCHWORD_STORE=postgresql://watchword@db/watchword watchword migrate
    """  # noqa: D301
    from watchword.auth import Auth
    from watchword.foundation.environment import read_document

    auth = Auth(configuration=read_document(config))
    try:
        if auth.store.is_current():
            typer.echo("The database is at this version's schema.")
        elif check:
            typer.secho("The database is not at this version's schema: run `watchword migrate`.", fg="red", err=True)
            raise typer.Exit(1)
        else:
            auth.store.migrate()
            typer.echo("The database is now at this version's schema.")
    finally:
        auth.stop()
