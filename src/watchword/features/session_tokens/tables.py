"""Table of the keys that sign session tokens."""

from sqlalchemy import BigInteger, Column, LargeBinary, Table

from watchword.storage.metadata import metadata

signing_keys = Table(
    "signing_keys",
    metadata,
    # The number of the period that it signs in, so that workers that make it at the same moment make one.
    Column("period", BigInteger, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
)
