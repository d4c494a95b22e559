"""The engine of one shard on Kafka: a transaction either is confirmed beyond doubt, or the shard is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamer.events.record import CLAIM_KEY, EVENTS, TABLES, TOPICS, Record
from streamer.store.engine import Committed, ShardLost, StoreError
from streamer.store.kafka.failures import shard_lost
from streamer.store.kafka.guard import GuardedProducer, Written
from streamer.store.kafka.permissions import lacking

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Mapping, Sequence

    from streamer.clock import Clock
    from streamer.events.record import Topic
    from streamer.store.kafka.client import Clients

_LOG_APPEND_TIME: Final = 1


class KafkaEngine:
    """The one writer of a shard, as long as no later one has started (I1).

    After the first failure of any kind the producer is dead: whether its last transaction was committed is for the next
    take-over to see, which waits until the broker has settled it.
    """

    def __init__(self, *, shard: int, clients: Clients, clock: Clock) -> None:
        self._shard = shard
        self._clients = clients
        self._clock = clock
        self._producer = GuardedProducer(producer=clients.producer(shard), clock=clock, deadlines=clients.deadlines)
        self._usable = False
        self.clock_offset: float | None = None
        """Our clock less the broker's in seconds, as the last transaction showed it."""

    async def start(self, gate: asyncio.Semaphore) -> None:
        """Fence whoever wrote this shard before; `gate` bounds how many producers start at once.

        Raises:
            ShardLost: not possible now.
            StoreError: we may not.

        """
        try:
            async with gate:
                await self._producer.start(self._clients.name(topic) for topic in TOPICS)
        except BaseException as error:
            await self._fail(error, "starting the producer")
            raise
        self._usable = True

    async def claim(self) -> Mapping[Topic, int]:
        """Commit a record of ours to each table; return where they lie.

        I3: a read that passed them is complete. They are tombstones of a key that never exists: no reader notices.
        Nothing is written to the events, but the transaction ends there too.

        Raises:
            ShardLost: not confirmed.
            StoreError: we may not.

        """
        records = [Record(topic=topic, key=CLAIM_KEY, value=None) for topic in TABLES]
        written = await self._write(records, ending_in=[EVENTS])
        claims = {topic: ack.offset for topic, ack in zip(TABLES, written.acks, strict=True)}
        if min(claims.values()) < 0:  # the broker took it for a repetition and no longer knows where the first one lies
            await self.kill()
            raise ShardLost("error", "the broker did not say where the claim lies")
        return claims

    async def commit(self, records: Sequence[Record]) -> Committed:
        """Write all of `records` or none, in their order; see `Engine.commit`."""
        try:
            await self._write(records)
        except StoreError as lack:
            raise ShardLost("refused", str(lack)) from lack
        return Committed(clock_offset=self.clock_offset)

    async def close(self) -> None:
        """Let go in good order if the last transaction was confirmed; else kill. Never raises."""
        if self._usable:
            self._usable = False
            await self._producer.stop()
        else:
            await self._producer.kill()

    async def kill(self) -> None:
        """Drop everything at once, whatever state it is in. Never raises."""
        self._usable = False
        await self._producer.kill()

    async def _write(self, records: Sequence[Record], *, ending_in: Iterable[Topic] = ()) -> Written:
        if not self._usable:
            raise ShardLost("error", "the producer is no longer usable")
        self._usable = False  # until this transaction is confirmed
        name, shard, headers = self._clients.name, self._shard, self._clients.schema_ids.headers_of
        try:
            written = await self._producer.transact(
                [(name(record.topic), shard, record.key, record.value, headers(record)) for record in records],
                ending_in=[(name(topic), shard) for topic in ending_in],
            )
        except BaseException as error:
            size = sum(record.size for record in records)
            await self._fail(error, f"committing {len(records)} records of {size} bytes in one transaction")
            raise
        if self._producer.tainted is not None:
            await self.kill()
            raise ShardLost("tainted", f"{self._producer.tainted}; the transaction was confirmed all the same")
        self._usable = True
        self.clock_offset = clock_offset(written)
        return written

    async def _fail(self, error: BaseException, doing: str) -> None:
        """Kill the producer first: until then it goes on repeating its requests."""
        await self.kill()
        if lack := lacking(error, self._clients.config, doing="Write"):
            raise lack from error
        if isinstance(error, Exception):
            raise shard_lost(error, doing, self._clients.connector.refusal) from error


def clock_offset(written: Written) -> float | None:
    """Return our clock less the broker's in seconds, the worst if several brokers answered; None if none told.

    By our clock a record was appended between `sent` and `acked`. If the broker says so too, the offset is 0; else it
    is at least the distance to the nearer end.
    """
    sent, acked = written.sent, written.acked
    appended = {ack.timestamp for ack in written.acks if ack.timestamp_type == _LOG_APPEND_TIME}
    return max((max(sent - at, 0) / 1000 + min(acked - at, 0) / 1000 for at in appended), key=abs, default=None)
