"""The Kafka store: partitions are the shards, the compacted topics are the state."""

from __future__ import annotations

import asyncio
import secrets
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

from aiokafka.errors import KafkaError

from streamer.signals import ReadAdvanced, nobody
from streamer.store.engine import StoreError
from streamer.store.kafka.client import Clients
from streamer.store.kafka.deadlines import Deadlines
from streamer.store.kafka.failures import reason_of
from streamer.store.kafka.handshake import HandshakeError, described
from streamer.store.kafka.membership import Membership, node_name
from streamer.store.kafka.permissions import lacking
from streamer.store.kafka.reader import reading
from streamer.store.kafka.takeover import TakeOver
from streamer.store.kafka.topics import ensure_topics
from streamer.store.shard_map import StaticShardMap

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from streamer.clock import Clock
    from streamer.config import KafkaConfig
    from streamer.events.record import Stored, Topic
    from streamer.model import Millis
    from streamer.signals import Observer
    from streamer.store.shard import Shard
    from streamer.store.shard_map import ShardMap

_AT_ONCE: Final = 4
"""So many producers start at once: managed clusters bound how many connections a second they accept."""

_SPREAD_MS: Final = 250


class KafkaStore:
    """Implements `streamer.store.engine.Store` on an Apache Kafka cluster, 3.7 or later.

    `retention` is how long events are kept, in ms.
    """

    def __init__(
        self, *, config: KafkaConfig, retention: Millis, clock: Clock, deadlines: Deadlines | None = None
    ) -> None:
        self._clients = Clients(config=config, deadlines=deadlines or Deadlines(), clock=clock)
        self._retention = retention
        self._clock = clock
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self.node = node_name()

    @property
    def shards(self) -> int:
        """How many partitions each topic has."""
        return self._clients.config.partitions

    async def start(self) -> None:
        """Make the topics that are missing and check those that are there; see `Store.start`."""
        refuse_optimized()
        try:
            await ensure_topics(self._clients, retention=self._retention)
        except (KafkaError, OSError) as error:
            place, what = f"Kafka at {self._clients.servers}", described(error)
            if isinstance(error, HandshakeError):  # a password may come, a certificate be renewed
                raise ConnectionError(f"no connection to Kafka: {what}") from error
            if reason_of(error) == "refused" and not getattr(error, "retriable", False):
                raise StoreError(f"{place} refuses: {what}") from error
            raise ConnectionError(f"{place} can't be reached: {what}") from error

    def shard_map(self, observer: Observer) -> ShardMap:
        """Return the consumer group's placement, or the one that the config states."""
        static = self._clients.config.static_shards
        if static is not None:
            return StaticShardMap(static)
        return Membership(clients=self._clients, node=self.node, clock=self._clock, observer=observer)

    async def tend(self, observer: Observer) -> None:
        """Have the schemas registered, where there is a registry."""
        await self._clients.schema_ids.keep(observer)

    async def take_over(self, number: int, still_ours: Callable[[], bool], observer: Observer = nobody) -> Shard:
        """Become the one writer of a partition, then read its state; see `Store.take_over`."""
        await asyncio.sleep(secrets.randbelow(_SPREAD_MS) / 1000)  # replicas that start together
        return await self.attempt(number, observer).run(still_ours)

    def attempt(self, number: int, observer: Observer = nobody) -> TakeOver:
        """Return the steps of one attempt to take a partition over."""
        return TakeOver(shard=number, clients=self._clients, clock=self._clock, gate=self._gate, observer=observer)

    async def read(
        self,
        topic: Topic,
        *,
        follow: bool = False,
        from_beginning: bool = True,
        observer: Observer | None = None,
    ) -> AsyncIterator[Stored]:
        """Yield what is committed in a topic; see `Store.read`. Close the iterator (`aclosing`) when you leave early.

        Raises:
            OSError: Kafka can't be reached, or falls silent for long before the end.

        """
        if observer is not None:
            observer(ReadAdvanced(topic=topic, done=0, total=None))
        places = [self._clients.place(topic, partition) for partition in range(self.shards)]
        opened = reading(self._clients, places, lost_position="earliest", from_beginning=from_beginning)
        try:
            async with opened as reader:
                ends = {} if follow and observer is None else await reader.ends(places)
                advance = None if observer is None else partial(_tell, observer, topic)
                records = reader.follow(ends, advance) if follow else reader.until(ends, advance)
                async for record in records:
                    yield record
        except KafkaError as error:
            if lack := lacking(error, self._clients.config, doing="Read"):
                raise lack from error
            raise ConnectionError(f"{topic} can't be read from {self._clients.servers}: {described(error)}") from error

    async def stop(self) -> None:
        """Nothing is open between the calls."""


def _tell(observer: Observer, topic: Topic, done: int, total: int) -> None:
    observer(ReadAdvanced(topic=topic, done=done, total=total))


def refuse_optimized() -> None:
    """Refuse `python -O`: aiokafka's transactions are guarded by `assert`; without them a second one may begin inside.

    Raises:
        StoreError: Python runs without assertions.

    """
    if sys.flags.optimize:
        raise StoreError(
            "python -O removes checks that Kafka transactions rely on: unset PYTHONOPTIMIZE, run without -O"
        )
