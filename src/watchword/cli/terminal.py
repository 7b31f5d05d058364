"""What commands print: tables, JSON, refusals."""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from watchword.foundation.errors import Denied

_PIPED_WIDTH = 400
"""Columns where no terminal says how many it has: enough that nothing is broken across lines."""


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their columns."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), header_style="bold", pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    for row in rows:
        # As `Text`, so that a name like "[red]" is not markup.
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    console.print(table, width=None if console.is_terminal else _PIPED_WIDTH)


def print_json(value: Any) -> None:
    """Print the value as JSON."""
    typer.echo(json.dumps(value, indent=2))


def refuse(denied: "Denied") -> typer.Exit:
    """Print the refusal, what was expected and what to do; return the exit to raise."""
    typer.secho(denied.detail or denied.code.title, fg="red", err=True)
    for field in denied.fields:
        typer.echo(f"  {field.field}: expected {field.expected}", err=True)
    if not denied.fields:
        typer.echo(f"  {denied.code.fix}", err=True)
    return typer.Exit(1)
