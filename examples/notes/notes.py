"""The notes, in a SQLite table of the app's own."""

import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

MAXIMUM_TEXT = 2_000
"""Characters of one note."""


@dataclass(frozen=True)
class Note:
    """One note of one user; `created_at` in seconds since the epoch."""

    id: int
    text: str
    created_at: int

    @property
    def day(self) -> str:
        """When it was written, for people."""
        return f"{datetime.fromtimestamp(self.created_at, UTC):%d %B %Y}"


class Notes:
    """All notes. Every query names the user, so nobody reads or deletes what is somebody else's."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS notes "
                "(id INTEGER PRIMARY KEY, user_id TEXT NOT NULL, text TEXT NOT NULL, created_at INTEGER NOT NULL)"
            )
            database.execute("CREATE INDEX IF NOT EXISTS notes_of_user ON notes (user_id, id)")

    def of(self, user_id: str) -> list[Note]:
        """Return the user's notes, the newest first."""
        query = "SELECT id, text, created_at FROM notes WHERE user_id = ? ORDER BY id DESC"
        with self._open() as database:
            return [Note(*row) for row in database.execute(query, (user_id,))]

    def add(self, user_id: str, text: str) -> Note:
        """Keep a note for the user."""
        now = int(time.time())
        with self._open() as database:
            values = (user_id, text, now)
            cursor = database.execute("INSERT INTO notes (user_id, text, created_at) VALUES (?, ?, ?)", values)
        return Note(cursor.lastrowid or 0, text, now)

    def delete(self, user_id: str, note_id: int) -> bool:
        """Delete the user's note; `False` where the user has no such note."""
        with self._open() as database:
            return database.execute("DELETE FROM notes WHERE id = ? AND user_id = ?", (note_id, user_id)).rowcount == 1

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            yield connection
