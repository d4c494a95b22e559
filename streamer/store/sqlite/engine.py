"""One claim of the database, as an engine: after anything unconfirmed it does nothing any more."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from streamer.store.engine import Committed, ShardLost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamer.events.record import Record
    from streamer.store.sqlite.thread import WorkThread
    from streamer.store.sqlite.writer import Writer


class SqliteEngine:
    """The one writer of the one shard, for as long as its epoch is the newest."""

    def __init__(self, *, thread: WorkThread, writer: Writer, epoch: int) -> None:
        """Take the thread in which `writer` works, and the epoch of the claim."""
        self._thread = thread
        self._writer = writer
        self._epoch = epoch
        self._over: str | None = None

    async def commit(self, records: Sequence[Record]) -> Committed:
        """Write all of `records` or none.

        Raises:
            ShardLost: not confirmed. Cancelled or timed out, the transaction may still end either way.

        """
        if self._over is not None:
            raise ShardLost("closed", f"this engine is over: {self._over}")
        self._over = "a commit was not confirmed"  # stands unless what follows returns
        try:
            await self._thread.run(self._writer.write, self._epoch, records)
        except TimeoutError as error:
            raise ShardLost("timeout", "the database did not confirm the commit in time") from error
        self._over = None
        return Committed()

    async def close(self) -> None:
        """Close the connection if it is this claim's."""
        self._over = "closed"
        with suppress(TimeoutError, RuntimeError):  # then the end of the store closes it, or has closed it
            await self._thread.run(self._writer.release, self._epoch)

    async def kill(self) -> None:
        """Do nothing any more; a transaction under way ends by itself before the next claim begins."""
        self._over = "killed"
