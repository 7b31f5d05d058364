"""Table of the mail that waits to leave."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from watchword.storage.metadata import metadata

outbox = Table(
    "outbox",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("next_try_at", BigInteger),
    Column("tries", Integer, nullable=False, default=0),
    Column("sent_at", BigInteger),
    Column("last_error", String(200)),
    Index("ix_outbox_due", "next_try_at"),
)
