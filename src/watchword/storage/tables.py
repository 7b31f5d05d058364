"""Tables of the store itself: who may answer from memory, and what they are told."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, Text

from watchword.storage.metadata import metadata

leases = Table(
    "leases",
    metadata,
    Column("worker", String(30), primary_key=True),
    # The ids of revocations that it has heeded, of those that are still to be seen: " rev_a rev_b ".
    Column("acknowledged", Text, nullable=False),
    # The rest is told for `watchword doctor`, and decides nothing but `listens`: whether to send a notification.
    Column("listens", Boolean, nullable=False),
    Column("granted_at", BigInteger, nullable=False),
    Column("told_at", BigInteger, nullable=False),
    Column("hits", BigInteger, nullable=False),
    Column("misses", BigInteger, nullable=False),
    Column("lapses", Integer, nullable=False),
    Column("lapsed", String(32)),
    # Of an app beside the server: by which key it speaks.
    Column("service_key", String(30)),
)

revocations = Table(
    "revocations",
    metadata,
    Column("id", String(30), primary_key=True),
    # Of users, as `storage.epoch.shard_of` says: "12 345".
    Column("shards", Text, nullable=False),
)
