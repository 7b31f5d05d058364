"""What a sign-in costs with 1,000,000 users, over what it costs with 1,000.

The hash is made cheap, so that the rest is seen alone; then the ratio with the default hash is worked out too.
Run: uv run python -m benchmarks.growth [sqlite|postgresql] [users]
"""

import asyncio
import contextlib
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from argon2.low_level import Type, hash_secret
from sqlalchemy import text

from benchmarks.site import CHEAP, PASSWORD, Caller, make_app, make_auth
from tests.support.postgres import PostgreSQL
from watchword.methods.password.hashing import Figures

FEW, MANY = 1_000, 1_000_000
ROUNDS, BATCH = 40, 50
SERIES = {
    "sqlite": "WITH RECURSIVE series(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n + 1 < :count)",
    "postgresql": "WITH series(n) AS (SELECT generate_series(0, :count - 1))",
}
RANDOM = {"sqlite": "substr(lower(hex(randomblob(13))), 1, 26)", "postgresql": "substr(md5(random()::text), 1, 26)"}
FILL = (
    (
        "INSERT INTO users (id, name, role, disabled, created_at) "
        "{series} SELECT 'usr_' || {random}, 'User ' || n, 'user', {false}, n FROM series"
    ),
    (
        "INSERT INTO identifiers (id, user_id, kind, text, key, verified_at, created_at) "
        "SELECT 'idf_' || {random}, id, 'email', 'user' || created_at || '@example.org', "
        "'user' || created_at || '@example.org', 0, 0 FROM users"
    ),
    (
        "INSERT INTO credentials (id, user_id, kind, data, created_at, updated_at) "
        "SELECT 'crd_' || {random}, id, 'password', :hash, 0, 0 FROM users"
    ),
)


@contextlib.contextmanager
def site(store: str, users: int) -> Iterator[Caller]:
    """Give a site with so many users, filled by SQL."""
    auth = make_auth(store, CHEAP)
    hashed = auth.password.steps.hash_new("password", PASSWORD, ())
    kind = auth.store.engine.dialect.name
    pieces = {"series": SERIES[kind], "random": RANDOM[kind], "false": "0" if kind == "sqlite" else "false"}
    begin = time.perf_counter()
    with auth.store.write(durable=False) as tx:
        for statement in FILL:
            wanted = {"count": users, "hash": hashed}
            filled = statement.format(**pieces)
            tx.execute(text(filled), {name: value for name, value in wanted.items() if f":{name}" in filled})
    if kind == "postgresql":
        with auth.store.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))
    print(f"  {users} users filled in {time.perf_counter() - begin:.0f} s", flush=True)
    yield Caller(make_app(auth))
    auth.stop()


async def batch(caller: Caller, users: int) -> float:
    """Return the median of some sign-ins of users by chance, in milliseconds."""
    spent: list[float] = []
    for _ in range(BATCH):
        number = secrets.randbelow(users)
        begin = time.perf_counter()
        await caller.sign_in(number)
        spent.append((time.perf_counter() - begin) * 1000)
    return median(spent)


async def compare(few: Caller, many: Caller, users: int) -> None:
    await batch(few, FEW)
    await batch(many, users)
    pairs = [(await batch(few, FEW), await batch(many, users)) for _ in range(ROUNDS)]
    small, large = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    ratio = median(pair[1] / pair[0] for pair in pairs)
    hashed = default_hash()
    print(f"  all but the hash: {small:.2f} ms with {FEW}, {large:.2f} ms with {users}; ratio {ratio:.3f}")
    print(f"  with the default hash of {hashed:.1f} ms: ratio {(hashed + small * ratio) / (hashed + small):.3f}")


def default_hash() -> float:
    figures, spent = Figures(), list[float]()
    for _ in range(15):
        begin = time.perf_counter()
        hash_secret(b"", bytes(16), figures.iterations, figures.memory, figures.lanes, 32, Type.ID)
        spent.append((time.perf_counter() - begin) * 1000)
    return median(spent)


@contextlib.contextmanager
def stores(kind: str) -> Iterator[tuple[str, str]]:
    """Give the addresses of two empty databases."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="watchword-benchmark-") as directory:
            yield f"sqlite:///{Path(directory) / 'few'}", f"sqlite:///{Path(directory) / 'many'}"
    else:
        server = PostgreSQL.temporary()
        try:
            yield server.create_database("few"), server.create_database("many")
        finally:
            server.remove()


def main(kind: str = "sqlite", users: int = MANY) -> None:
    print(f"{kind}:")
    with stores(kind) as (first, second), site(first, FEW) as few, site(second, users) as many:
        asyncio.run(compare(few, many, users))


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:3]))
