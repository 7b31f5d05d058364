"""Tables of the event log."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, Text

from watchword.storage.metadata import metadata

audit_events = Table(
    "audit_events",
    metadata,
    Column("lane", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("id", String(30), nullable=False, unique=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("event", String(64), nullable=False),
    Column("user_id", String(30), index=True),
    Column("actor_id", String(30)),
    Column("address", String(64), nullable=False),
    Column("user_agent", String(256), nullable=False),
    Column("details", Text, nullable=False),
    Column("seal", LargeBinary(32), nullable=False),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("lane", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("last_seal", LargeBinary(32), nullable=False),
    Column("seal", LargeBinary(32), nullable=False),
)
