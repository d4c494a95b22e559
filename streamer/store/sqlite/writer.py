"""The writing connection: claiming the database, transactions, and letting old events go. Runs in the store's thread."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from streamer.events.record import EVENTS, TABLES, TOPICS, Record, Stored
from streamer.model import Millis
from streamer.store.engine import ShardLost, StoreError
from streamer.store.sqlite.database import encode_headers, explain, is_beyond_retry, open_for_writing, transaction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from streamer.clock import Clock

SWEEP_SECONDS: Final = 3600.0
"""Time between two sweeps of what is older than the retention."""

SWEEP_ROWS: Final = 5000
"""Most rows that one transaction deletes on the side; the next one goes on."""

_INSERT: Final = {
    topic: f'INSERT OR REPLACE INTO "{topic}" (written_at, key, value, headers) VALUES (?, ?, ?, ?)'  # noqa: S608
    for topic in TOPICS
}
_STATE: Final = {
    topic: f'SELECT offset, CAST(key AS BLOB), CAST(value AS BLOB) FROM "{topic}" ORDER BY offset'  # noqa: S608
    for topic in TABLES
}
_PUT_BACK: Final = {
    # from the end, as far as there are such records: mostly one is looked at
    topic: f'UPDATE "{topic}" SET written_at = :now WHERE offset > coalesce('  # noqa: S608
    f'(SELECT offset FROM "{topic}" WHERE written_at <= :now ORDER BY offset DESC LIMIT 1), 0)'
    for topic in TOPICS
}
"""What was written by a clock that was ahead is taken for written now, so that no record has a later time than the next."""

_SWEEP: Final = {
    # the oldest events come first, so only those are looked at
    EVENTS: f'DELETE FROM "{EVENTS}" WHERE offset IN (SELECT offset FROM '  # noqa: S608
    f'(SELECT offset, written_at FROM "{EVENTS}" ORDER BY offset LIMIT :rows) WHERE written_at < :before)',
    # of state, tombstones alone
    **{
        topic: f'DELETE FROM "{topic}" WHERE offset IN '  # noqa: S608
        f'(SELECT offset FROM "{topic}" WHERE value IS NULL AND written_at < :before LIMIT :rows)'
        for topic in TABLES
    },
}


class Writer:
    """The connection that writes, opened anew by each claim and closed by each error.

    A claim raises the epoch in the database. A transaction of an older epoch is refused inside that transaction, so
    whoever claimed last is the only one who writes (I1), whatever older engines and other processes still try.
    """

    def __init__(self, *, path: Path, retention: Millis, clock: Clock) -> None:
        """Take the database's path, and how long events are kept."""
        self._path = path
        self._retention = retention
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._epoch = 0
        self._sweep_at = 0.0

    def claim(self) -> tuple[int, list[Stored]]:
        """Become the one writer, then read the state (I2, I3): return the epoch and all records of the tables.

        Raises:
            ShardLost: not possible now.
            StoreError: the file is damaged or none of ours.

        """
        self.close()
        try:
            self._connection = connection = open_for_writing(self._path)
            with transaction(connection):
                connection.execute("UPDATE writer SET epoch = epoch + 1")
                self._epoch = _epoch(connection)
            return self._epoch, [
                Stored(topic=topic, partition=0, offset=offset, key=key, value=value)
                for topic, select in _STATE.items()
                for offset, key, value in connection.execute(select)
            ]
        except sqlite3.Error as error:
            self.close()
            if is_beyond_retry(error):
                raise StoreError(explain(self._path, error)) from error
            raise ShardLost("refused", explain(self._path, error)) from error

    def write(self, epoch: int, records: Sequence[Record]) -> None:
        """Write all of `records` or none.

        Raises:
            ShardLost: `fenced` where `epoch` isn't the newest claim's, else `error`; the connection is closed then.

        """
        if self._connection is None:
            raise ShardLost("closed", f"{self._path}: closed after an earlier error")
        now = self._clock.wall()
        try:
            with transaction(self._connection) as _:
                if epoch != (newest := _epoch(self._connection)):
                    raise ShardLost("fenced", f"{self._path}: epoch {newest} has taken over from {epoch}")
                for topic in TOPICS:
                    self._connection.execute(_PUT_BACK[topic], {"now": now})
                    self._connection.executemany(
                        _INSERT[topic],
                        (
                            (now, record.key, record.value, encode_headers(record.headers))
                            for record in records
                            if record.topic == topic
                        ),
                    )
                self._sweep(self._connection, now)
        except sqlite3.Error as error:
            self.close()
            raise ShardLost("error", explain(self._path, error)) from error

    def release(self, epoch: int) -> None:
        """Close the connection if it still is that of `epoch`."""
        if epoch == self._epoch:
            self.close()

    def close(self) -> None:
        """Close the connection; what was not committed is gone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _sweep(self, connection: sqlite3.Connection, now: Millis) -> None:
        """Let go of events older than the retention, and of tombstones as old, a batch at a time."""
        if (moment := self._clock.monotonic()) < self._sweep_at:
            return
        limits = {"before": now - self._retention, "rows": SWEEP_ROWS}
        deleted = [connection.execute(delete, limits).rowcount for delete in _SWEEP.values()]
        if max(deleted) < SWEEP_ROWS:
            self._sweep_at = moment + SWEEP_SECONDS


def _epoch(connection: sqlite3.Connection) -> int:
    epoch: int = connection.execute("SELECT epoch FROM writer").fetchone()[0]
    return epoch
