"""Table of the keys of apps beside the server."""

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from watchword.storage.metadata import metadata

service_keys = Table(
    "service_keys",
    metadata,
    Column("id", String(30), primary_key=True),
    # What the operator calls the app: while a key is replaced, it has two.
    Column("service", String(64), nullable=False),
    Column("key_hash", LargeBinary(32), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
)
