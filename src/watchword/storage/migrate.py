"""Migrations: one Alembic history for both databases."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

NEWEST = "0008"
"""The last revision. Named here, so that a start with nothing to migrate need not load Alembic (half a second)."""
_LOCK = 7_242_007_391_116
"""Key of the PostgreSQL advisory lock that lets one migrating process at a time."""


def upgrade(engine: Engine) -> None:
    """Bring the schema to the newest version, one process at a time."""
    from alembic import command

    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            # Another process may take long to migrate, and so may a change that waits for the app's transactions.
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        command.upgrade(_configuration(connection), "head")
        connection.commit()


def is_current(engine: Engine) -> bool:
    """Tell whether the schema is at the newest version."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return list(connection.scalars(text("SELECT version_num FROM alembic_version"))) == [NEWEST]


def _configuration(connection: Connection):  # noqa: ANN202 - Alembic's Config, imported lazily
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    configuration.attributes["connection"] = connection
    return configuration
