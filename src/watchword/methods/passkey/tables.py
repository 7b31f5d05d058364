"""Table of passkeys: WebAuthn credentials, several a user."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, LargeBinary, String, Table

from watchword.storage.metadata import metadata

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("user_id", String(30), ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("user_handle", LargeBinary(64), nullable=False),
    Column("credential_id", LargeBinary(1023), nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("verifies_user", Boolean, nullable=False),
    Column("backup_eligible", Boolean, nullable=False),
    Column("backed_up", Boolean, nullable=False),
    Column("aaguid", String(36), nullable=False),
    Column("transports", String(100), nullable=False),
    Column("name", String(200), nullable=False),
    Column("cloned_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger),
)
