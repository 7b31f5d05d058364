"""The `watchword` command."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, those of the process unless given.

    Raises:
        SystemExit: always, with the command's exit code: 0, 1 for a refusal, 2 for arguments that are wrong.
    """
    try:
        from watchword.cli.commands import run
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        sys.exit("The watchword command needs two more packages: pip install 'watchword[server]'")
    run(arguments)
