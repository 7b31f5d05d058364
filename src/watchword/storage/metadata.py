"""The one schema: each room declares its tables on this metadata, and one migration history makes them."""

from sqlalchemy import MetaData

REMEMBERED = "remembered"
"""In a table's `info`: session checks remember its rows, so each change of one says `Transaction.revokes()`."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
