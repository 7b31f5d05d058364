"""What other systems said of sessions of theirs that had ended."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "foreign_endings",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_foreign_endings")),
    )
    op.create_index(op.f("ix_foreign_endings_until"), "foreign_endings", ["until"])
