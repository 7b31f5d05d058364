"""The keys of apps beside the server, and whose leases are theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make their table, and the column in that of leases."""
    op.create_table(
        "service_keys",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("service", sa.String(length=64), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_keys")),
    )
    op.add_column("leases", sa.Column("service_key", sa.String(length=30), nullable=True))
