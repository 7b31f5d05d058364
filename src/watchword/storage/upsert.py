"""Inserts that give way: the one piece of SQL that the two databases spell through different constructs."""

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from watchword.storage.engine import Dialect


def insert_or_ignore(dialect: Dialect, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an insert that writes nothing (`rowcount` 0) where a unique row is there already."""
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()
