"""Tables of accounts at other services: which account each opens here, and its tokens, sealed."""

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, String, Table, UniqueConstraint

from watchword.storage.metadata import metadata

identities = Table(
    "identities",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("user_id", String(30), ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("provider", String(64), nullable=False),
    # Issuer and subject are the key (OpenID Connect Core 1.0, section 5.7). An address or a name never is.
    Column("issuer", String(500), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("label", String(255), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=False),
    UniqueConstraint("issuer", "subject"),
)

provider_tokens = Table(
    "provider_tokens",
    metadata,
    Column("identity_id", String(30), ForeignKey("identities.id", ondelete="CASCADE"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", BigInteger),
    Column("version", BigInteger, nullable=False),
    # Whoever has moved this ahead refreshes; the others wait for another version.
    Column("refreshing_until", BigInteger, nullable=False),
)
