"""Inserts that give way: the one piece of SQL that the two databases spell through different constructs."""

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Table

from watchword.storage.engine import Dialect

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

_COUNTED: Final[dict[str, Any]] = {"preserve_rowcount": True}
"""SQLAlchemy drops the count of an insert on PostgreSQL unless asked to keep it."""


def insert_into(dialect: Dialect, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """Return an insert that can be told what to do on a conflict."""
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    # Imported only where it is used: loading PostgreSQL's dialect takes a tenth of a second.
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


@cache
def insert_or_ignore(dialect: Dialect, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """Return an insert that writes nothing (`rowcount` 0) where a unique row is there already."""
    return insert_into(dialect, table).on_conflict_do_nothing().execution_options(**_COUNTED)
