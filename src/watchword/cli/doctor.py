"""`watchword doctor`."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from watchword.cli.configuration import AsJSON, Config
from watchword.cli.terminal import print_json

if TYPE_CHECKING:
    from watchword.cli.finding import Finding

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(config: Config = None, *, as_json: AsJSON = False) -> None:
    """Check the settings and what they lead to, and say what to mend. Changes nothing. Exit code 1 on a fail.

    It reaches the database and the mail server, but sends no mail.

    \b
    Examples:
      watchword doctor
      WATCHWORD_MODE=production watchword doctor
      watchword doctor --config /etc/watchword.toml --json
    """  # noqa: D301
    from watchword.cli.checks import examine

    findings = examine(config)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            _print(finding)
        counts = {level: sum(one.level == level for one in findings) for level in ("ok", "warn", "fail")}
        typer.echo(f"\n{counts['ok']} ok, {counts['warn']} to look at, {counts['fail']} to mend")
    if any(one.level == "fail" for one in findings):
        raise typer.Exit(1)


def _print(finding: "Finding") -> None:
    level = typer.style(f"{finding.level:<4}", fg=_COLOURS[finding.level], bold=True)
    typer.echo(f"{level}  {finding.check:<16}  {finding.found}")
    if finding.fix:
        typer.echo(f"{'':24}→ {finding.fix}")
