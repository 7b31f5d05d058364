"""`watchword keys`: the keys of apps that stand beside the server."""

from typing import Annotated

import typer

from watchword.cli.configuration import AsJSON, Config, opened
from watchword.cli.terminal import print_json, print_table, refuse
from watchword.foundation.errors import Denied

app = typer.Typer(name="keys", help="Keys of apps beside this server: Auth(server=…, key=…).", no_args_is_help=True)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What to call the app: small letters, digits, hyphens.")],
    config: Config = None,
) -> None:
    """Make a key for an app and print it, this once. Earlier keys of the app stay valid.

    To replace a key: make a second one, give the app both (the new one first), then revoke the old one.

    \b
    Examples:
      watchword keys create shop
    """  # noqa: D301
    with opened(config) as auth:
        key = auth.service.keys.create(name)
    if isinstance(key, Denied):
        raise refuse(key)
    typer.echo(key.reveal())
    typer.echo("It is shown this once: keep it where the app reads its environment, as WATCHWORD_KEY.", err=True)


@app.command("list")
def list_keys(config: Config = None, *, as_json: AsJSON = False) -> None:
    """List the keys, oldest first, and when each was last used.

    \b
    Examples:
      watchword keys list
      watchword keys list --json
    """  # noqa: D301
    import msgspec

    with opened(config) as auth:
        keys = auth.service.keys.list_all()
    if as_json:
        print_json(msgspec.to_builtins(keys))
    else:
        print_table(
            ("id", "app", "made (UTC)", "used (UTC)"),
            [(one.id, one.service, _moment(one.created_at), _moment(one.used_at)) for one in keys],
        )


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the key (key_…), as the list shows it.")],
    config: Config = None,
) -> None:
    """Withdraw a key. When this returns, after two seconds, no app answers anybody by it any more.

    \b
    Examples:
      watchword keys revoke key_4f7kq2m5xw3z6j2c7n4p2r6tab
    """  # noqa: D301
    with opened(config) as auth:
        revoked = auth.service.keys.revoke(key_id)
    if isinstance(revoked, Denied):
        raise refuse(revoked)
    typer.echo(f"The key {revoked.id} of {revoked.service} opens nothing any more.")


def _moment(at: int | None) -> str:
    from watchword.foundation.clock import to_datetime

    return f"{to_datetime(at):%Y-%m-%d %H:%M}" if at is not None else "never"
