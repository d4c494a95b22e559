"""The database file: its tables, how it is opened, and what its errors mean."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamer.events.record import EVENTS, TOPICS, Headers
from streamer.store.engine import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATION_ID: Final = int.from_bytes(b"agst")
"""Marks the file as ours (`PRAGMA application_id`), so that no other program's database is touched."""

VERSION: Final = 1
"""Of the tables (`PRAGMA user_version`)."""

BUSY_SECONDS: Final = 5.0
"""How long a lock of another program (a shell, a backup) is waited for."""

encode_headers: Final = msgspec.msgpack.Encoder().encode
decode_headers: Final = msgspec.msgpack.Decoder(Headers).decode

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS "{topic}" (
    offset INTEGER PRIMARY KEY AUTOINCREMENT,
    written_at INTEGER NOT NULL,
    key BLOB NOT NULL {unique},
    value BLOB,
    headers BLOB NOT NULL
)
"""
"""A topic. With UNIQUE keys and INSERT OR REPLACE it is a compacted one: each key's last record, at its offset."""

_REASONS: Final = {
    sqlite3.SQLITE_FULL: "make room on the disk",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable for this user",
    sqlite3.SQLITE_CANTOPEN: "check the path, and that the file and its folder can be written by this user",
    sqlite3.SQLITE_PERM: "make the file and its folder writable for this user",
    sqlite3.SQLITE_BUSY: "another program keeps it locked: close that one",
    sqlite3.SQLITE_IOERR: "look at the disk: it refuses to read or write",
    sqlite3.SQLITE_CORRUPT: "the file is damaged: move it away, or bring back a copy",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database: move it away, or use another path",
}


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the database, made first if it isn't there. Each commit is on the disk when it returns.

    Raises:
        StoreError: the file is another program's, of a newer release, or on a file system without shared memory.
        sqlite3.Error: it can't be opened or written; see `explain`.

    """
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    with _closed_on_error(connection):
        is_new = _check(connection, path)
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            message = f"{path}: SQLite's write-ahead log does not work there; put the database on a local disk"
            raise StoreError(message)
        connection.execute("PRAGMA synchronous=FULL")
        if is_new:
            _create(connection, path)
        elif not _has_all_topics(connection):
            with transaction(connection):  # a file of a release that had fewer
                _add_topics(connection)
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open the database as a reader, from any process, while its owner writes or not.

    Raises:
        StoreError: it isn't there, isn't ours or is of a newer release.
        sqlite3.Error: it can't be opened; see `explain`.

    """
    if not path.exists():
        message = f"{path} does not exist: check the path, or start the service that writes it first"
        raise StoreError(message)
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    with _closed_on_error(connection):
        if _check(connection, path):
            message = f"{path} holds nothing yet: start the service that writes it first"
            raise StoreError(message)
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write all or nothing. Whoever gets a `sqlite3.Error` out of it closes the connection: its state is uncertain."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def explain(path: Path, error: sqlite3.Error) -> str:
    """Say what an error means and what to do; SQLite's own messages name tables and columns, never data."""
    advice = _REASONS.get(_primary(error), "see https://www.sqlite.org/rescode.html")
    return f"{path}: {error} ({getattr(error, 'sqlite_errorname', type(error).__name__)}); {advice}"


def is_beyond_retry(error: sqlite3.Error) -> bool:
    """Whether somebody must look at the file before anything can go on."""
    return _primary(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _primary(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _check(connection: sqlite3.Connection, path: Path) -> bool:
    """Return whether the file is new and empty; raise StoreError where it can't be ours."""
    application, version = _pragma(connection, "application_id"), _pragma(connection, "user_version")
    if application == APPLICATION_ID:
        if version > VERSION:
            message = (
                f"{path} was written by a newer release: its tables have version {version}, this release knows "
                f"{VERSION}. Upgrade, or use another file"
            )
            raise StoreError(message)
        return False
    if application or version or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        message = f"{path} is the database of another program: use another file"
        raise StoreError(message)
    return True


def _create(connection: sqlite3.Connection, path: Path) -> None:
    with transaction(connection):
        if not _check(connection, path):
            return  # another process was faster
        _add_topics(connection)
        connection.execute("CREATE TABLE writer (epoch INTEGER NOT NULL)")
        connection.execute("INSERT INTO writer VALUES (0)")
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={VERSION}")


def _has_all_topics(connection: sqlite3.Connection) -> bool:
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return names.issuperset(TOPICS)


def _add_topics(connection: sqlite3.Connection) -> None:
    for topic in TOPICS:
        connection.execute(_TABLE.format(topic=topic, unique="" if topic == EVENTS else "UNIQUE"))


def _pragma(connection: sqlite3.Connection, name: str) -> Any:
    with closing(connection.execute(f"PRAGMA {name}")) as cursor:
        return cursor.fetchone()[0]
