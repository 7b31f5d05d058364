"""`watchword audit`: the log of security events."""

from typing import Annotated

import typer

from watchword.cli.configuration import AsJSON, Config, opened
from watchword.cli.terminal import print_json, print_table

app = typer.Typer(name="audit", help="The log of security events: read it, check its seals.", no_args_is_help=True)


@app.command("recent")
def recent(
    config: Config = None,
    *,
    limit: Annotated[int, typer.Option(min=1, help="How many events.")] = 20,
    as_json: AsJSON = False,
) -> None:
    """Show the newest events first.

    \b
    Examples:
      watchword audit recent
      watchword audit recent --limit 1000 --json
    """  # noqa: D301
    from dataclasses import asdict

    from watchword.foundation.clock import to_datetime

    with opened(config) as auth, auth.store.read() as tx:
        entries = auth.services.audit.recent(tx, limit)
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    rows = [
        (f"{to_datetime(entry.at):%Y-%m-%d %H:%M:%S}", entry.event, entry.user_id or "", entry.address)
        for entry in entries
    ]
    print_table(("at (UTC)", "event", "user", "address"), rows)


@app.command("verify")
def verify(config: Config = None) -> None:
    """Check every seal of the log. Exit code 1 where a row was changed, moved or removed.

    \b
    Examples:
      watchword audit verify
    """  # noqa: D301
    with opened(config) as auth, auth.store.read(snapshot=True) as tx:
        damages = auth.services.audit.verify(tx)
    if not damages:
        typer.echo("The log is whole.")
        return
    rows = [(one.kind, str(one.lane), str(one.sequence), str(one.count), one.id or "") for one in damages]
    print_table(("what", "lane", "number", "rows", "id"), rows)
    typer.secho(
        "The log is not as it was written: keep a copy of the database, and find out who could write it.",
        fg="red",
        err=True,
    )
    raise typer.Exit(1)
