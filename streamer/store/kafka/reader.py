"""Reading committed records, with a consumer of its own for each read and without a group."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from streamer.events.record import TOPICS, Stored
from streamer.store.kafka.closing import abort_connections, within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from aiokafka import TopicPartition

    from streamer.store.kafka.client import Clients, Consumer, Message

_WAIT_MS: Final = 500
_AT_ONCE: Final = 2000  # records decoded in one turn of the event loop: some 3 ms


class Reader:
    """A consumer that stands on fixed partitions; made by `reading`."""

    def __init__(self, *, consumer: Consumer, clients: Clients) -> None:
        self._consumer = consumer
        self._deadlines = clients.deadlines
        self._topics = {clients.name(topic): topic for topic in TOPICS}

    async def ends(self, places: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Return the offset after what can be read now: the last stable offset, not the end of the log.

        An open transaction holds it back, and with it all that was committed since: good enough for looking on, never
        for taking over.
        """
        async with asyncio.timeout(self._deadlines.start):
            return await self._consumer.end_offsets(places)

    async def until(self, ends: Mapping[TopicPartition, int]) -> AsyncIterator[Stored]:
        """Yield the records before `ends`, until the position has passed each of them.

        The position tells, not a record: what lies last may be a commit marker, aborted, or compacted away.

        Raises:
            TimeoutError: nothing came for as long as a restore may take.

        """
        quiet = 0
        while not await self._passed(ends):
            batches = await self._next()
            quiet = 0 if batches else quiet + _WAIT_MS
            if quiet > self._deadlines.restore * 1000:
                raise TimeoutError(f"nothing came from Kafka for {self._deadlines.restore:.0f} s")
            for place, messages in batches.items():
                for message in messages:
                    if message.offset < ends[place]:
                        yield self._stored(message)

    async def follow(self) -> AsyncIterator[Stored]:
        """Yield what is committed from here on, without end. A broker that is away is waited for."""
        while True:
            for messages in (await self._next()).values():
                for message in messages:
                    yield self._stored(message)

    async def _passed(self, ends: Mapping[TopicPartition, int]) -> bool:
        async with asyncio.timeout(self._deadlines.start):
            return all([await self._consumer.position(place) >= end for place, end in ends.items()])

    async def _next(self) -> Mapping[TopicPartition, Sequence[Message]]:
        """Return what came; the position moves over what is no record only when this is called."""
        batches = await self._consumer.getmany(timeout_ms=_WAIT_MS, max_records=_AT_ONCE)
        await asyncio.sleep(0)  # it does not wait while it has records: let others run
        return batches

    def _stored(self, message: Message) -> Stored:
        return Stored(
            topic=self._topics[message.topic],
            partition=message.partition,
            offset=message.offset,
            key=message.key or b"",
            value=message.value,
            headers=tuple((name, value or b"") for name, value in message.headers),
        )


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
            consumer.assign(places)
            seek = consumer.seek_to_beginning if from_beginning else consumer.seek_to_end
            if not await seek(*places):  # it does not raise
                raise TimeoutError("Kafka did not tell where the partitions begin")
        yield Reader(consumer=consumer, clients=clients)
    finally:
        await _stop(consumer, clients)


async def _stop(consumer: Any, clients: Clients) -> None:
    if not await within(clients.deadlines.kill, consumer.stop()):
        abort_connections(consumer._client)  # noqa: SLF001
