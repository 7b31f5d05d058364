"""Leases of workers that answer session checks from memory, and the revocations that they are told."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make their tables."""
    op.create_table(
        "leases",
        sa.Column("worker", sa.String(length=30), nullable=False),
        sa.Column("acknowledged", sa.Text(), nullable=False),
        sa.Column("listens", sa.Boolean(), nullable=False),
        sa.Column("granted_at", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.Column("hits", sa.BigInteger(), nullable=False),
        sa.Column("misses", sa.BigInteger(), nullable=False),
        sa.Column("lapses", sa.Integer(), nullable=False),
        sa.Column("lapsed", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_leases")),
    )
    op.create_table(
        "revocations",
        sa.Column("id", sa.String(length=30), nullable=False),
        sa.Column("shards", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revocations")),
    )
