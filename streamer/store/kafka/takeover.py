"""Becoming the one writer of a shard, and only then reading its state.

The order of the steps is what makes it safe, whatever the other replicas do at the same time:

I1  Starting the producer fences every earlier one of this shard and ends its open transaction.
I2  The state is read after that, and lives and dies with that producer: nobody can have written in between unseen.
I3  The read passed a record that this very producer committed: it is complete. Up to "the end" would not be, for an
    open transaction holds the readable end back (KAFKA-10167).

The claims' transaction ends in the events' partition too. A broker may have completed an earlier one without writing its
end everywhere (KAFKA-20734), and then whatever is written to a partition next ends it there: in one with a commit, in
another with an abort. So it is committed in all of them at once, before anything is read.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from streamer.signals import RestoreAdvanced, nobody
from streamer.store.engine import ShardLost, StoreError
from streamer.store.kafka.failures import shard_lost
from streamer.store.kafka.permissions import lacking
from streamer.store.kafka.producer import KafkaEngine
from streamer.store.kafka.reader import reading
from streamer.store.restore import Restoration
from streamer.store.shard import Shard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamer.clock import Clock
    from streamer.diff.state import TenantState
    from streamer.events.record import Topic
    from streamer.signals import Observer
    from streamer.store.kafka.client import Clients


class TakeOver:
    """One attempt to take a shard over, step by step."""

    def __init__(
        self,
        *,
        shard: int,
        clients: Clients,
        clock: Clock,
        gate: asyncio.Semaphore,
        observer: Observer = nobody,
    ) -> None:
        """Take the shard's number, and a `gate` that bounds how many producers start at once."""
        self._shard = shard
        self._clients = clients
        self._clock = clock
        self._gate = gate
        self._observer = observer
        self._offsets: int | None = None

    async def run(self, still_ours: Callable[[], bool]) -> Shard:
        """Take the shard over.

        Raises:
            ShardLost: not possible now. Nothing of the attempt is left.
            StoreError: what lies there does not belong there.

        """
        self._check(still_ours)  # or a late attempt would fence the rightful owner
        engine = KafkaEngine(shard=self._shard, clients=self._clients, clock=self._clock)
        self._clients.restoring += 1
        self._advance(0)
        try:
            await self.fence(engine)
            claims = await self.claim(engine)
            tenants = await self.build(await self.read(claims))
            self._check(still_ours)
            return Shard(
                number=self._shard,
                tenants=tenants,
                engine=engine,
                clock=self._clock,
                clock_offset=engine.clock_offset,  # the claim's
            )
        except BaseException as error:
            await engine.kill()
            if lack := lacking(error, self._clients.config, doing="Read"):
                raise lack from error
            if isinstance(error, Exception) and not isinstance(error, ShardLost | StoreError):
                raise shard_lost(error, "reading the shard's state", self._clients.connector.refusal) from error
            raise
        finally:
            self._clients.restoring -= 1

    async def fence(self, engine: KafkaEngine) -> None:
        """I1: from here on nobody else can write this shard, unless they fence us."""
        await engine.start(self._gate)

    async def claim(self, engine: KafkaEngine) -> Mapping[Topic, int]:
        """I3: commit the records that the read must pass; return their offsets."""
        return await engine.claim()

    async def read(self, claims: Mapping[Topic, int]) -> Restoration:
        """I2, I3: read the tables from the beginning until past the claims.

        A transaction that hangs before the claims keeps this from ending, which is right: what it holds is not known.
        """
        ends = {self._clients.place(topic, self._shard): offset + 1 for topic, offset in claims.items()}
        restoration = Restoration(shard=self._shard, shards=self._clients.config.partitions)
        async with reading(self._clients, list(ends)) as reader:
            async for messages in reader.pieces_until(ends, self._read_so_far):
                for message in messages:  # no state is made of headers, and they are half of a record's memory
                    restoration.take(reader.stored(message))
        return restoration

    async def build(self, restoration: Restoration) -> Mapping[str, TenantState]:
        """Build the tenants' state from what was read, piece by piece: what is polled meanwhile must not stand still."""
        more = True
        while more:
            more = restoration.work(self._clients.piece)
            self._advance((self._offsets or 0) - restoration.left // 2)
            await asyncio.sleep(0)  # it waits for nothing, it lets others run
        return restoration.tenants()

    def _read_so_far(self, done: int, total: int) -> None:
        """Count an offset half when it is read, and whole when there is nothing to be built of it any more."""
        self._offsets = total
        self._advance(done // 2)

    def _advance(self, done: int) -> None:
        self._observer(RestoreAdvanced(shard=self._shard, done=done, total=self._offsets))

    def _check(self, still_ours: Callable[[], bool]) -> None:
        if not still_ours():
            raise ShardLost("not_ours", f"shard {self._shard} was given to another replica meanwhile")
