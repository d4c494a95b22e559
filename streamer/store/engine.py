"""The narrow waist of every store: an engine that writes records all or not at all, and a store that opens shards.

Safety comes from the engine alone: `commit` returns when the records are durable and visible, and raises
`ShardLost` whenever that is not certain. There is no "abort and carry on": after `ShardLost` the engine and the state
that was read for it are dropped together (invariant I2), and the shard is taken over again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from streamer.events.record import Record, Stored, Topic
    from streamer.store.shard import Shard


class ShardLost(Exception):
    """The shard must be taken over again, if it is still ours. `reason` is a short word for a metric's label."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """Take a `reason` such as `fenced`, `timeout`, `tainted`, `refused`, and a `detail` for the log."""
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class StoreError(Exception):
    """The store can't be used as it is configured; the message says where, what, and what to do."""


class Committed(Struct, frozen=True):
    """A confirmed commit. `clock_offset` is our clock less the store's in seconds, None where it has no own clock."""

    clock_offset: float | None = None


class Engine(Protocol):
    """The one writer of one shard."""

    async def commit(self, records: Sequence[Record]) -> Committed:
        """Write all of `records` or none, in their order. Called by one task at a time.

        Raises:
            ShardLost: not confirmed within the engine's deadline, or not certain.

        """

    async def close(self) -> None:
        """Let go of the shard in good order. Never raises, never takes longer than a deadline."""

    async def kill(self) -> None:
        """Drop everything at once, whatever state it is in. Never raises, never takes longer than a deadline."""


class Store(Protocol):
    """Where the durable state lies: Kafka, or an embedded database."""

    @property
    def shards(self) -> int:
        """How many shards the tenants are spread over."""

    async def start(self) -> None:
        """Make what is missing (topics, tables) and check what is there.

        Raises:
            StoreError: it can't be used as configured.
            OSError: it can't be reached now.

        """

    async def take_over(self, number: int, still_ours: Callable[[], bool]) -> Shard:
        """Become the one writer of a shard, then read its state: in this order, whatever happens.

        Raises:
            ShardLost: not possible now; try again later, if the shard is still ours.
            StoreError: what was read does not belong here (other partition count, another source).

        """

    def read(self, topic: Topic, *, follow: bool = False, from_beginning: bool = True) -> AsyncIterator[Stored]:
        """Yield the committed records of a topic, in order within each partition.

        With `follow` it goes on with what comes; else it ends at what was there when it began. Needs no ownership.
        """

    async def stop(self) -> None:
        """Close what `start` opened. Shards are closed by their owners before."""
