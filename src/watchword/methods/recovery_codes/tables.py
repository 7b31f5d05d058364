"""Table of recovery codes: each a row, of which only a MAC is kept."""

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, String, Table

from watchword.storage.metadata import metadata

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("user_id", String(30), ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("code_mac", LargeBinary(32), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
)
