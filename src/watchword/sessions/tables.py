"""Tables of sessions, and of what other systems said of theirs."""

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, String, Table

from watchword.storage.metadata import REMEMBERED, metadata

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("user_id", String(30), ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("token_hash", LargeBinary(32), nullable=False),
    Column("factors", String(200), nullable=False),
    Column("authenticated_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("address", String(64), nullable=False),
    Column("user_agent", String(256), nullable=False),
    info={REMEMBERED: True},
)

foreign_endings = Table(
    "foreign_endings",
    metadata,
    # A digest of the system, and of the session or the user.
    Column("key", LargeBinary(32), primary_key=True),
    # What had begun by then is over.
    Column("before", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False, index=True),
)
