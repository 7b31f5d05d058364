"""Tables of people: users, what leads to them, what proves them."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, String, Table, Text, UniqueConstraint

from watchword.storage.metadata import REMEMBERED, metadata

users = Table(
    "users",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("role", String(32), nullable=False),
    Column("language", String(8)),
    Column("disabled", Boolean, nullable=False, default=False),
    Column("created_at", BigInteger, nullable=False),
    info={REMEMBERED: True},
)

identifiers = Table(
    "identifiers",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("user_id", String(30), ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("text", String(255), nullable=False),
    Column("key", String(255), nullable=False),
    Column("verified_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("kind", "key"),
    UniqueConstraint("user_id", "kind"),
    info={REMEMBERED: True},
)

credentials = Table(
    "credentials",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("user_id", String(30), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("data", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("user_id", "kind"),
)
