"""What a store is to the rest of the product: it opens shards, and lets anybody read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from streamer.events.record import Stored, Topic
from streamer.signals import Observer, nobody
from streamer.store.shard import Shard
from streamer.store.shard_map import ShardMap


class Store(Protocol):
    """Where the durable state lies: Kafka, or an embedded database."""

    @property
    def shards(self) -> int:
        """How many shards the tenants are spread over."""

    @property
    def node(self) -> str:
        """What this process is called among the replicas."""

    async def start(self) -> None:
        """Make what is missing (topics, tables) and check what is there.

        Raises:
            StoreError: it can't be used as configured.
            OSError: it can't be reached now.

        """

    def shard_map(self, observer: Observer) -> ShardMap:
        """Return who says which shards this process shall serve; it tells `observer` what happens to them."""

    async def tend(self, observer: Observer) -> None:
        """See to what publishing must not wait for, until cancelled or done; it may begin before `start`."""

    async def take_over(self, number: int, still_ours: Callable[[], bool], observer: Observer = nobody) -> Shard:
        """Become the one writer of a shard, then read its state: in this order, whatever happens.

        `observer` is told how far that is (`RestoreAdvanced`).

        Raises:
            ShardLost: not possible now; try again later, if the shard is still ours.
            StoreError: what was read does not belong here (other partition count, another source).

        """

    def read(
        self,
        topic: Topic,
        *,
        follow: bool = False,
        from_beginning: bool = True,
        observer: Observer | None = None,
    ) -> AsyncIterator[Stored]:
        """Yield the committed records of a topic, in order within each partition.

        With `follow` it goes on with what comes; else it ends at what was there when it began. Needs no ownership.
        An `observer` is told how much of what was there is read (`ReadAdvanced`).
        """

    async def stop(self) -> None:
        """Close what `start` opened. Shards are closed by their owners before."""
