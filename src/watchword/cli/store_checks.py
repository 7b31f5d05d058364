"""What `watchword doctor` examines of the database."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import text

from watchword.audit.log import AuditLog
from watchword.cli.finding import Finding, fail, ok, warn
from watchword.cli.lease_checks import check_leases
from watchword.foundation.clock import MINUTE, SystemClock
from watchword.foundation.errors import ConfigurationError, StoreUnavailableError
from watchword.foundation.secrets import Secret
from watchword.foundation.settings import Settings
from watchword.storage.epoch import Epoch
from watchword.storage.store import Store
from watchword.tokens.keyring import Keyring

_MIGRATE = "run `watchword migrate`"


def check_store(url: str, secrets: Sequence[Secret], settings: Settings) -> Iterator[Finding]:
    """Look at the database: whether it is there, who may read it, and whether it is whole."""
    path = Path(url.removeprefix("sqlite:///").partition("?")[0]) if url.startswith("sqlite:///") else None
    if path is not None and not path.exists():
        yield (
            fail("database", f"{path} is not there", _MIGRATE)
            if settings.is_production
            else ok("database", f"{path}: the first start makes it")
        )
        return
    try:
        store = Store(url, SystemClock())
    except ConfigurationError as error:
        yield fail("database", "it can't be opened", str(error))
        return
    try:
        is_current = store.is_current()
        yield ok("database", str(path) if path is not None else "PostgreSQL answers")
        if path is not None:
            yield from _check_file(path)
            yield _check_journal(store)
        if store.epoch is not None:
            yield _check_epoch(store, store.epoch)
        if is_current:
            yield ok("schema", "this version's")
            yield from check_leases(store)
            yield from _check_audit(store, secrets)
        else:
            yield fail("schema", "not this version's", _MIGRATE)
    except StoreUnavailableError:
        yield fail("database", "it does not answer", "start it, or correct WATCHWORD_STORE")
    finally:
        store.close()


def _check_file(path: Path) -> Iterator[Finding]:
    if os.name != "posix":
        return
    mode, folder = path.stat().st_mode, path.resolve().parent
    if mode & 0o007:
        yield fail("database file", "everyone on this machine may read it", f"chmod 600 {path}")
    elif mode & 0o070:
        yield warn("database file", "its group may read it", f"chmod 600 {path}, unless that is meant")
    else:
        yield ok("database file", "only its owner reads it")
    folder_mode = folder.stat().st_mode
    if folder_mode & stat.S_IWOTH and not folder_mode & stat.S_ISVTX:
        yield fail("database folder", f"{folder}: everyone may replace the file", f"chmod o-w {folder}")


def _check_journal(store: Store) -> Finding:
    with store.read() as tx:
        mode = tx.execute(text("PRAGMA journal_mode")).scalar_one()
    if mode == "wal":
        return ok("journal", "write-ahead log: readers and the writer do not wait for each other")
    return fail("journal", str(mode), "put the file on a local disk: SQLite's write-ahead log needs shared memory")


def _check_epoch(store: Store, epoch: Epoch) -> Finding:
    if store.mark() is not None:
        hits, misses = epoch.told
        rate = f", {hits / (hits + misses):.1%} of {hits + misses} checks" if hits + misses else ""
        return ok("session checks", f"from memory{rate}; {epoch.path.name} tells every process what was revoked")
    place = epoch.path if epoch.path.exists() else epoch.path.parent
    if os.access(place, os.W_OK):
        return ok("session checks", "each reads the database, until the first change makes the file for revocations")
    fix = f"let the service's user write to {place}"
    return warn("session checks", f"each reads the database: {epoch.path.name} can't be written", fix)


def _check_audit(store: Store, secrets: Sequence[Secret]) -> Iterator[Finding]:
    try:
        log = AuditLog(Keyring(secrets))
    except ConfigurationError:
        yield warn("audit log", "not checked: its seals need the secret", "set WATCHWORD_SECRET")
        return
    with store.read(snapshot=True) as tx:
        damages, newest = log.verify(tx), log.recent(tx, 1)
        if damages:
            found = f"{len(damages)} places are not as they were written"
            yield fail("audit log", found, "run `watchword audit verify`; or is this another secret than before?")
        else:
            yield ok("audit log", "whole")
        if newest and newest[0].at > tx.now + MINUTE:
            yield warn("clock", "the newest event lies in the future", "the clock was set back: check it")
