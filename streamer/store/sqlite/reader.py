"""Reading a topic from the database, beside its owner and from any process: committed records alone, in order."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Final

import msgspec

from streamer.events.record import Stored, Topic
from streamer.signals import ReadAdvanced
from streamer.store.engine import StoreError
from streamer.store.sqlite.database import decode_headers, explain, open_for_reading
from streamer.store.sqlite.thread import WorkThread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from streamer.signals import Observer

POLL_SECONDS: Final = 0.2
READ_SECONDS: Final = 30.0
BATCH_ROWS: Final = 500


async def read_topic(
    path: Path, topic: Topic, *, follow: bool, from_beginning: bool, observer: Observer | None = None
) -> AsyncIterator[Stored]:
    """Yield the records of a topic. Without `follow` it shows one moment and ends.

    An `observer` is told how far it has come, in offsets, to what was the last when it began.

    Raises:
        StoreError: the database can't be read.

    """
    if observer is not None:
        observer(ReadAdvanced(topic=topic, done=0, total=None))
    thread = WorkThread(name="sqlite-read", deadline=READ_SECONDS)
    cursor = _Cursor(path, topic, follow=follow, from_beginning=from_beginning)
    try:
        while True:
            batch = await thread.run(cursor.next_batch)
            for stored in batch:
                yield stored
            if observer is not None:
                done, total = cursor.advance
                over = done == total or not batch  # the last may be deleted meanwhile
                observer(ReadAdvanced(topic=topic, done=total if over else done, total=total))
                observer = None if over else observer
            if not batch and not follow:
                return
            if not batch:
                await asyncio.sleep(POLL_SECONDS)
    except sqlite3.Error as error:
        raise StoreError(explain(path, error)) from error
    finally:
        await thread.end(cursor.close)


class _Cursor:
    """A place in a topic. Runs in the reader's thread."""

    def __init__(self, path: Path, topic: Topic, *, follow: bool, from_beginning: bool) -> None:
        self._path = path
        self._topic = topic
        self._follow = follow
        self._from_beginning = from_beginning
        self._connection: sqlite3.Connection | None = None
        self._last = 0
        self._begin = self._end = 0
        self._select = (
            f'SELECT offset, CAST(key AS BLOB), CAST(value AS BLOB), headers FROM "{topic}" '  # noqa: S608
            "WHERE offset > ? ORDER BY offset LIMIT ?"
        )
        self._span = f'SELECT (SELECT min(offset) FROM "{topic}"), (SELECT max(offset) FROM "{topic}")'  # noqa: S608

    def next_batch(self) -> list[Stored]:
        connection = self._connection or self._open()
        batch = [
            Stored(
                topic=self._topic,
                partition=0,
                offset=offset,
                key=key,
                value=value,
                headers=self._headers(offset, headers),
            )
            for offset, key, value, headers in connection.execute(self._select, (self._last, BATCH_ROWS))
        ]
        if batch:
            self._last = batch[-1].offset
        return batch

    def _open(self) -> sqlite3.Connection:
        self._connection = connection = open_for_reading(self._path)
        if not self._follow:
            connection.execute("BEGIN")  # one moment: else a row rewritten meanwhile would be missed
        if not self._from_beginning:
            sequence = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (self._topic,)).fetchone()
            self._last = sequence[0] if sequence else 0
        first, last = connection.execute(self._span).fetchone()
        self._begin = max(self._last, (first or 1) - 1)
        self._end = max(self._begin, last or 0)
        return connection

    @property
    def advance(self) -> tuple[int, int]:
        """How many offsets were passed of those that there were when the first was read."""
        return max(0, min(self._last, self._end) - self._begin), self._end - self._begin

    def _headers(self, offset: int, data: bytes) -> tuple[tuple[str, bytes], ...]:
        try:
            return decode_headers(data)
        except (msgspec.DecodeError, TypeError, UnicodeDecodeError) as error:
            message = f"{self._path}: the headers of {self._topic} at offset {offset} can't be read; was it edited?"
            raise StoreError(message) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
