"""Table of the rate limits."""

from sqlalchemy import BigInteger, Column, LargeBinary, Table

from watchword.storage.metadata import metadata

limits = Table(
    "limits",
    metadata,
    Column("key", LargeBinary(32), primary_key=True),
    Column("full_at", BigInteger, nullable=False, index=True),
)
