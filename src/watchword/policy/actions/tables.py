"""Table of the idempotency keys of actions."""

from sqlalchemy import BigInteger, Column, LargeBinary, Table

from watchword.storage.metadata import metadata

action_keys = Table(
    "action_keys",
    metadata,
    Column("key", LargeBinary(32), primary_key=True),
    Column("body", LargeBinary(32), nullable=False),
    Column("sealed", LargeBinary, nullable=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
)
