"""Reading committed records, with a consumer of its own for each read and without a group."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

from aiokafka.errors import TopicAuthorizationFailedError

from streamer.events.record import TOPICS, Stored
from streamer.store.kafka.closing import abort_connections, to_its_end, within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from aiokafka import TopicPartition

    from streamer.store.kafka.client import Clients, Consumer, Message

_WAIT_MS: Final = 500

Advance: TypeAlias = Callable[[int, int], None]
"""Is told how many offsets were passed, and of how many."""


class HangingTransactionError(Exception):
    """A transaction that is open keeps what was committed after it from being read."""


class Reader:
    """A consumer that stands on fixed partitions; made by `reading`."""

    def __init__(self, *, consumer: Consumer, clients: Clients) -> None:
        self._consumer = consumer
        self._clients = clients
        self._deadlines = clients.deadlines
        self._topics = {clients.name(topic): topic for topic in TOPICS}

    async def ends(self, places: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Return the offset after what can be read now: the last stable offset, not the end of the log.

        An open transaction holds it back, and with it all that was committed since: good enough for looking on, never
        for taking over.
        """
        async with asyncio.timeout(self._deadlines.start):
            return await self._consumer.end_offsets(places)

    async def until(self, ends: Mapping[TopicPartition, int], advance: Advance | None = None) -> AsyncIterator[Stored]:
        """Yield the records before `ends`, until the position has passed each of them; see `pieces_until`."""
        async for messages in self.pieces_until(ends, advance):
            for message in messages:
                yield self.stored(message, headers=message.headers)

    async def pieces_until(
        self, ends: Mapping[TopicPartition, int], advance: Advance | None = None
    ) -> AsyncIterator[Sequence[Message]]:
        """Yield the records before `ends` as they come, until the position has passed each of them.

        The position tells, not a record: what lies last may be a commit marker, aborted, or compacted away. `advance` is
        told how far it has come, in offsets.

        Raises:
            HangingTransactionError: what is wanted can't be read, because a transaction is open before it.
            TimeoutError: nothing came for too long, however much there was before.

        """
        positions, quiet = await self._positions(ends), 0
        stretch = None if advance is None else _Stretch(positions, ends, advance)
        while any(positions[place] < end for place, end in ends.items()):
            batches, before = await self._next(), positions
            positions = await self._positions(ends)
            quiet = 0 if positions != before else quiet + _WAIT_MS
            if quiet > self._deadlines.silence * 1000:
                await self._check_that_nothing_hangs(ends)
                raise TimeoutError(f"nothing came from Kafka for {self._deadlines.silence:.0f} s")
            for place, messages in batches.items():
                yield [message for message in messages if message.offset < ends[place]]
            if stretch is not None:
                stretch.reach(positions)

    async def follow(self, ends: Mapping[TopicPartition, int], advance: Advance | None = None) -> AsyncIterator[Stored]:
        """Yield what is committed from here on, without end. A broker that is away is waited for.

        `advance` is told how far it has come to `ends`, until it is past them.
        """
        stretch = None if advance is None else _Stretch(await self._positions(ends), ends, advance)
        while True:
            for messages in (await self._next()).values():
                for message in messages:
                    yield self.stored(message, headers=message.headers)
            if stretch is not None:
                with suppress(TimeoutError):  # no position, no progress
                    stretch = stretch.reach(await self._positions(ends))

    def stored(self, message: Message, *, headers: Sequence[tuple[str, bytes | None]] = ()) -> Stored:
        """Return a record in our terms, with the `headers` of it that are wanted."""
        return Stored(
            topic=self._topics[message.topic],
            partition=message.partition,
            offset=message.offset,
            key=message.key or b"",
            value=message.value,
            headers=tuple((name, value or b"") for name, value in headers),
        )

    async def _check_that_nothing_hangs(self, ends: Mapping[TopicPartition, int]) -> None:
        """Tell a transaction that nobody ends from a cluster that does not answer: somebody may have to end it."""
        for place, stable in (await self.ends(list(ends))).items():
            if stable < ends[place]:
                command = f"kafka-transactions --bootstrap-server {self._clients.servers} find-hanging"
                raise HangingTransactionError(
                    f"{place.topic}-{place.partition} can be read up to offset {stable} only, and not to {ends[place]}: "
                    "somebody's transaction is open there. It is waited for; if it does not end, find it with "
                    f"`{command} --topic {place.topic} --partition {place.partition}` and abort it"
                )

    async def _positions(self, places: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        async with asyncio.timeout(self._deadlines.start):
            return {place: await self._consumer.position(place) for place in places}

    async def _next(self) -> Mapping[TopicPartition, Sequence[Message]]:
        """Return what came; the position moves over what is no record only when this is called."""
        batches = await self._consumer.getmany(timeout_ms=_WAIT_MS, max_records=self._clients.piece)
        await asyncio.sleep(0)  # it does not wait while it has records: let others run
        return batches


class _Stretch:
    """What lies between where a reading begins and where it shall end, in offsets of all its partitions together."""

    def __init__(
        self, begins: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int], advance: Advance
    ) -> None:
        self._ends = ends
        self._begins = {place: min(begins[place], end) for place, end in ends.items()}
        self._total = sum(ends.values()) - sum(self._begins.values())
        self._advance = advance
        advance(0, self._total)

    def reach(self, positions: Mapping[TopicPartition, int]) -> Self | None:
        """Tell how much of it is passed; None once that is all."""
        done = sum(min(positions[place], end) - self._begins[place] for place, end in self._ends.items())
        self._advance(done, self._total)
        return self if done < self._total else None


@asynccontextmanager
async def reading(
    clients: Clients,
    places: Sequence[TopicPartition],
    *,
    lost_position: str = "none",
    from_beginning: bool = True,
) -> AsyncIterator[Reader]:
    """Open a reader on partitions that exist, at their beginning or at what is committed last.

    Raises:
        TimeoutError: not within the deadline.
        aiokafka.errors.KafkaError: the cluster can't be reached, or says no.

    """
    consumer = clients.consumer(lost_position=lost_position)
    try:
        async with asyncio.timeout(clients.deadlines.start):
            await consumer.start()
            await _check_visible(consumer, {place.topic for place in places})
            consumer.assign(places)
            seek = consumer.seek_to_beginning if from_beginning else consumer.seek_to_end
            if not await seek(*places):  # it does not raise
                raise TimeoutError("Kafka did not tell where the partitions begin")
        yield Reader(consumer=consumer, clients=clients)
    finally:
        await to_its_end(_stop(consumer, clients))


async def _check_visible(consumer: Any, topics: set[str]) -> None:
    """Raise what aiokafka would find out over and over again, and keep to itself."""
    client = consumer._client  # noqa: SLF001
    await client.set_topics(topics)
    if hidden := topics & client.cluster.unauthorized_topics:
        raise TopicAuthorizationFailedError(hidden)


async def _stop(consumer: Any, clients: Clients) -> None:
    if not await within(clients.deadlines.kill, consumer.stop()):
        abort_connections(consumer._client)  # noqa: SLF001
