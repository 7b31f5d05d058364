"""`watchword doctor`."""

from dataclasses import asdict

import typer

from watchword.cli.configuration import AsJSON, Config
from watchword.cli.terminal import print_json, print_table


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
        print_table(
            ("check", "", "found", "what to do"), [(one.check, one.level, one.found, one.fix) for one in findings]
        )
        counts = {level: sum(one.level == level for one in findings) for level in ("ok", "warn", "fail")}
        typer.echo(f"{counts['ok']} ok, {counts['warn']} to look at, {counts['fail']} to mend")
    if any(one.level == "fail" for one in findings):
        raise typer.Exit(1)
