"""The page of the `watchword` command: the help text of each command, as it prints it."""

from typing import Final, cast

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from scripts.reference.markdown import GENERATED, code
from watchword.cli.commands import app

Command = TyperGroup | TyperCommand

HEAD: Final = """\
# Command line

The help text of every command. The [guide](../guides/command-line.md) shows them at work.

"""


def commands_page() -> str:
    """Return the page."""
    root = cast("Command", typer.main.get_command(app))
    return GENERATED + HEAD + "".join(_section(path, command) for path, command in walk(("watchword",), root))


def walk(path: tuple[str, ...], command: Command) -> list[tuple[tuple[str, ...], Command]]:
    """Return the command and all commands below it, each with its words."""
    found = [(path, command)]
    for name, below in getattr(command, "commands", {}).items():
        found += walk((*path, name), below)
    return found


def _section(path: tuple[str, ...], command: Command) -> str:
    context = typer.Context(command, info_name=" ".join(path), max_content_width=100, terminal_width=100)
    help_text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return f"## {' '.join(path)}\n\n" + code(help_text, "text")
