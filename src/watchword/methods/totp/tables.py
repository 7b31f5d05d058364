"""Table of authenticator apps: one for each user, its secret sealed."""

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, String, Table

from watchword.storage.metadata import metadata

totp_secrets = Table(
    "totp_secrets",
    metadata,
    Column("user_id", String(30), ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=False),
)
