"""Tables of sign-ins under way: attempts, the codes and links that carry them on, the browsers that are known."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table, UniqueConstraint

from watchword.storage.metadata import metadata

attempts = Table(
    "attempts",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("browser_hash", LargeBinary(32), nullable=False),
    Column("user_id", String(30), ForeignKey("users.id", ondelete="CASCADE"), index=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("completed_at", BigInteger),
)

challenges = Table(
    "challenges",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("attempt_id", String(30), ForeignKey("attempts.id", ondelete="CASCADE"), index=True),
    Column("user_id", String(30), ForeignKey("users.id", ondelete="CASCADE"), index=True),
    Column("code_mac", LargeBinary(32)),
    Column("link_hash", LargeBinary(32), unique=True),
    Column("tries", Integer, nullable=False, default=0),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("used_at", BigInteger),
)

grace_periods = Table(
    "grace_periods",
    metadata,
    Column("user_id", String(30), ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("until", BigInteger, nullable=False),
)

devices = Table(
    "devices",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("user_id", String(30), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("browser_hash", LargeBinary(32), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=False, index=True),
    UniqueConstraint("user_id", "browser_hash"),
)
