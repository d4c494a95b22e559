"""The embedded store: what it opens, in which order, and what it holds for life."""

from __future__ import annotations

import socket
import sqlite3
from typing import TYPE_CHECKING, Final

from streamer.model import Millis
from streamer.signals import RestoreAdvanced, nobody
from streamer.store.engine import ShardLost, StoreError
from streamer.store.restore import restore
from streamer.store.shard import Shard
from streamer.store.shard_map import StaticShardMap
from streamer.store.sqlite.database import explain, open_for_writing
from streamer.store.sqlite.engine import SqliteEngine
from streamer.store.sqlite.lock import OwnerLock
from streamer.store.sqlite.reader import read_topic
from streamer.store.sqlite.thread import WorkThread
from streamer.store.sqlite.writer import Writer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from streamer.clock import Clock
    from streamer.diff.state import TenantState
    from streamer.events.record import Stored, Topic
    from streamer.signals import Observer
    from streamer.store.shard_map import ShardMap

DEADLINE_SECONDS: Final = 30.0
"""How long a commit or a take-over may take; a disk that is slower than that is broken."""

ONLY_SHARD: Final = 0


class SqliteStore:
    """One file with the topics as tables, and one shard. It must lie on a local disk (WAL uses shared memory)."""

    def __init__(self, *, path: Path, retention: Millis, clock: Clock) -> None:
        """Take the database's path, and how long events are kept; state is kept for ever."""
        self._path = path.resolve()
        self._clock = clock
        self._lock = OwnerLock(database=self._path, clock=clock)
        self._writer = Writer(path=self._path, retention=retention, clock=clock)
        self._thread = WorkThread(name="sqlite", deadline=DEADLINE_SECONDS)

    @property
    def shards(self) -> int:
        """Always 1."""
        return 1

    @property
    def node(self) -> str:
        """The host's name: there is one process."""
        return socket.gethostname()

    async def start(self) -> None:
        """Make the database if it isn't there, and check it. Needs no ownership.

        Raises:
            StoreError: it can't be used; the message names the path and says what to do.
            TimeoutError: the disk does not answer.

        """
        await self._thread.run(self._prepare)

    def shard_map(self, observer: Observer) -> ShardMap:  # noqa: ARG002 - nothing happens here
        """Return a map of the one shard."""
        return StaticShardMap([ONLY_SHARD])

    async def tend(self, observer: Observer) -> None:
        """There is nothing to be done."""

    async def take_over(self, number: int, still_ours: Callable[[], bool], observer: Observer = nobody) -> Shard:
        """Hold the lock for life, claim the database, then read the state, in one go: how far it is nobody knows.

        Raises:
            ShardLost: not possible now.
            StoreError: another process holds the database, or what it holds can't be used.

        """
        if number != ONLY_SHARD:
            raise ValueError(f"there is no shard {number}: an embedded store has shard {ONLY_SHARD} alone")
        if not still_ours():
            raise ShardLost("not_ours", "before the take-over")
        observer(RestoreAdvanced(shard=number, done=0, total=None))
        try:
            epoch, tenants = await self._thread.run(self._claim)
        except TimeoutError as error:
            raise ShardLost("timeout", f"{self._path}: the take-over was not done in time") from error
        if not still_ours():
            raise ShardLost("not_ours", "during the take-over")
        engine = SqliteEngine(thread=self._thread, writer=self._writer, epoch=epoch)
        return Shard(number=number, tenants=tenants, engine=engine, clock=self._clock)

    def read(
        self,
        topic: Topic,
        *,
        follow: bool = False,
        from_beginning: bool = True,
        observer: Observer | None = None,
    ) -> AsyncIterator[Stored]:
        """Yield the committed records of a topic; works without `start`, from any process."""
        return read_topic(self._path, topic, follow=follow, from_beginning=from_beginning, observer=observer)

    async def stop(self) -> None:
        """Close the database and let go of the lock. The store can't be used again."""
        await self._thread.end(self._end)

    def _prepare(self) -> None:
        try:
            open_for_writing(self._path).close()
        except sqlite3.Error as error:
            raise StoreError(explain(self._path, error)) from error

    def _claim(self) -> tuple[int, Mapping[str, TenantState]]:
        self._lock.acquire()
        epoch, records = self._writer.claim()
        return epoch, restore(records, shard=ONLY_SHARD, shards=self.shards)

    def _end(self) -> None:
        self._writer.close()
        self._lock.release()
