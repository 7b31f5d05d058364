"""`watchword users`: accounts, from the machine that runs the service."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from watchword.cli.configuration import AsJSON, Config, opened
from watchword.cli.terminal import print_json, print_table, refuse
from watchword.foundation.errors import Denied

if TYPE_CHECKING:
    from watchword.identity.users import User

app = typer.Typer(name="users", help="Look after accounts.", no_args_is_help=True)
Who = Annotated[str, typer.Argument(metavar="USER", help="E-mail address, or id (usr_…).")]
RoleOption = Annotated[str, typer.Option("--role", help="user, admin, or another role of the settings.")]
_PAGE = 500


@app.command("list")
def list_users(config: Config = None, *, as_json: AsJSON = False) -> None:
    """List all accounts, oldest first.

    \b
    Examples:
      watchword users list
      watchword users list --json | jq -r '.[].email'
    """  # noqa: D301
    import msgspec

    from watchword.audit.log import printable

    users: list[User] = []
    with opened(config) as auth:
        while page := auth.administration.users(after=users[-1].id if users else "", limit=_PAGE):
            users += page
    if as_json:
        print_json(msgspec.to_builtins(users))
    else:
        rows = [(user.id, printable(user.email, 320), printable(user.name, 200), user.role) for user in users]
        print_table(("id", "email", "name", "role"), rows)


@app.command("create")
def create(
    email: Annotated[str, typer.Argument(help="Its address. You vouch for it: no mail is sent to confirm.")],
    config: Config = None,
    *,
    name: Annotated[str, typer.Option(help="What the person is called.")] = "",
    role: RoleOption = "user",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input, first line.")
    ] = False,
) -> None:
    """Make an account. At a terminal it asks for a password; without one, the person sets it by "Forgot password".

    \b
    Examples:
      watchword users create ada@example.org --name "Ada Lovelace"
      watchword users create root@example.org --role admin
      pass show ada | watchword users create ada@example.org --password-stdin
    """  # noqa: D301
    password = _password(from_stdin=password_stdin)
    with opened(config) as auth:
        user = auth.administration.create(email=email, password=password, name=name, role=role)
    _say(user, "Made {email} ({id}), role {role}.")
    if password is None:
        typer.echo('There is no password yet: "Forgot password" on the sign-in page sets one.')


@app.command("set-role")
def set_role(
    who: Who,
    role: Annotated[str, typer.Argument(help="user, admin, or another role of the settings.")],
    config: Config = None,
) -> None:
    """Give an account another role. Its sessions end, so that none keeps the old right.

    \b
    Examples:
      watchword users set-role ada@example.org admin
    """  # noqa: D301
    with opened(config) as auth:
        _say(auth.administration.set_role(who, role), "{email} has the role {role} now.")


@app.command("disable")
def disable(who: Who, config: Config = None) -> None:
    """Shut an account: its sessions end at once and nobody signs in to it.

    \b
    Examples:
      watchword users disable ada@example.org
    """  # noqa: D301
    with opened(config) as auth:
        _say(auth.administration.set_disabled(who, disabled=True), "{email} is disabled, its sessions have ended.")


@app.command("enable")
def enable(who: Who, config: Config = None) -> None:
    """Open an account that was disabled.

    \b
    Examples:
      watchword users enable ada@example.org
    """  # noqa: D301
    with opened(config) as auth:
        _say(auth.administration.set_disabled(who, disabled=False), "{email} is enabled.")


@app.command("end-sessions")
def end_sessions(who: Who, config: Config = None) -> None:
    """End all sessions of an account, on every device.

    \b
    Examples:
      watchword users end-sessions ada@example.org
    """  # noqa: D301
    with opened(config) as auth:
        _say(auth.administration.end_sessions(who), "All sessions of {email} have ended.")


@app.command("forget-factors")
def forget_factors(who: Who, config: Config = None) -> None:
    """Remove all second factors of somebody who has lost theirs; their sessions end, and a mail tells them.

    Make sure first that it is them who asks: whoever has their password can sign in afterwards.

    \b
    Examples:
      watchword users forget-factors ada@example.org
    """  # noqa: D301
    with opened(config) as auth:
        _say(auth.administration.forget_factors(who), "{email} has no second factor any more, all sessions have ended.")


def _password(*, from_stdin: bool) -> str | None:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        return None
    hint = "Password (empty: none yet)"
    return typer.prompt(hint, default="", show_default=False, hide_input=True, confirmation_prompt=True) or None


def _say(result: "User | Denied", text: str) -> None:
    if isinstance(result, Denied):
        raise refuse(result)
    typer.echo(text.format(email=result.email, id=result.id, role=result.role))
