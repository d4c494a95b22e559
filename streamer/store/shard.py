"""An owned shard: the state that was read for one engine, and that engine. They live and die together (I2)."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

from streamer.clock import Clock
from streamer.diff.state import TenantState
from streamer.events.record import Record
from streamer.signals import ClockOffset, CommitFinished, Observer, nobody
from streamer.store.engine import Engine, Reason, ShardLost

if TYPE_CHECKING:
    from collections.abc import Mapping

BATCH_BYTES: Final = 512 * 1024
"""Updates join a transaction until it is this large; a single larger update goes alone.

Some 500 records, 30 ms of CPU: small enough to end within its deadline also where many shards commit at once on a CPU
that has little time for them. Larger ones save little more, and one that is given up has to be done again whole.
"""


class Update(Struct, frozen=True):
    """What one tenant wants committed: the records, and its state once they are (None: the state stays)."""

    records: tuple[Record, ...]
    state: TenantState | None = None


class Shard:
    """The cache of a shard's tenants and its queue of updates (group commit).

    Updates that arrive while a transaction is in flight go into the next one together. The cache moves only after a
    confirmed commit (I4). After `ShardLost` nothing works here any more: drop it and take the shard over again.
    """

    def __init__(
        self,
        *,
        number: int,
        tenants: Mapping[str, TenantState],
        engine: Engine,
        clock: Clock,
        clock_offset: float | None = None,
    ) -> None:
        """Take the state read for `engine`, by tenant, and what the take-over has shown of the `clock_offset`."""
        self.number = number
        self.observer: Observer = nobody
        self._tenants = dict(tenants)
        self._engine = engine
        self._clock = clock
        self._offset = clock_offset
        self._offset_lead = self._lead()
        self._moving: Counter[str] = Counter()
        self._moved = asyncio.Event()
        self._queue: list[tuple[Update, asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._closing = False
        self._lost: asyncio.Future[ShardLost] = asyncio.get_running_loop().create_future()

    @property
    def clock_offset(self) -> float | None:
        """Our clock less the store's in seconds: as the last commit showed it, and by how much ours was set since then.

        None where the store has no clock of its own.
        """
        return None if self._offset is None else self._offset + self._lead() - self._offset_lead

    @property
    def tenants(self) -> Mapping[str, TenantState]:
        """The committed state of each tenant that has any."""
        return self._tenants

    def state(self, tenant: str) -> TenantState:
        """Return the committed state of a tenant; an empty one if there is none."""
        return self._tenants.get(tenant) or TenantState(tenant=tenant)

    def is_moving(self, tenant: str) -> bool:
        """Tell whether an update of the tenant waits or is in flight, so that its committed state is about to be old."""
        return self._moving[tenant] > 0

    async def settled(self, tenant: str) -> None:
        """Wait until no update of the tenant waits or is in flight, however busy others keep the shard."""
        while self.is_moving(tenant):
            await self._moved.wait()

    def note(self, state: TenantState) -> None:
        """Move the cache without a transaction: nothing durable changed."""
        self._tenants[state.tenant] = state

    async def commit(self, update: Update) -> None:
        """Commit the update's records with whatever else waits, then move the cache.

        Cancelling the caller does not take the update back.

        Raises:
            ShardLost: it is not certain that they were committed.

        """
        if self._lost.done():
            raise _again(self._lost.result())
        if self._closing:
            raise ShardLost("closed")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((update, done))
        if update.state is not None:
            self._moving[update.state.tenant] += 1
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush(), name=f"commit shard {self.number}")
        await done

    async def lost(self) -> ShardLost:
        """Wait until the shard is lost and say why."""
        return await asyncio.shield(self._lost)

    async def drain(self) -> None:
        """Wait until nothing waits or is in flight. Never raises."""
        if self._flushing is not None:
            await asyncio.wait([self._flushing])

    async def close(self) -> None:
        """Finish what is queued, then let go in good order. Never raises."""
        self._closing = True  # else callers that are told now could start another commit before the engine closes
        await self.drain()
        if self._lost.done():
            await self._engine.kill()
        else:
            self._lose(ShardLost("closed"))
            await self._engine.close()

    async def kill(self) -> None:
        """Drop the shard at once, with its queue and its state. Never raises."""
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.wait([self._flushing])
        self._lose(ShardLost("killed"))
        await self._engine.kill()

    async def _flush(self) -> None:
        try:
            while self._queue:
                batch = self._next_batch()
                try:
                    await self._write([record for update, _ in batch for record in update.records])
                except ShardLost as lost:
                    self._lose(lost, batch)
                    return
                except Exception as error:  # noqa: BLE001 - whatever it is, nothing is certain any more
                    self._lose(ShardLost("error", repr(error)), batch)
                    return
                except asyncio.CancelledError:
                    self._lose(ShardLost("killed"), batch)
                    raise
                for update, done in batch:
                    if update.state is not None:
                        self._tenants[update.state.tenant] = update.state
                        self._moving[update.state.tenant] -= 1
                    if not done.done():
                        done.set_result(None)
                self._wake()
        finally:
            self._flushing = None

    def _next_batch(self) -> list[tuple[Update, asyncio.Future[None]]]:
        size = count = 0
        for update, _ in self._queue:
            size += sum(record.size for record in update.records)
            if count and size > BATCH_BYTES:
                break
            count += 1
        batch, self._queue = self._queue[:count], self._queue[count:]
        return batch

    async def _write(self, records: list[Record]) -> None:
        began = self._clock.monotonic()
        outcome: Reason | Literal["committed"] = "killed"
        try:
            committed = await self._engine.commit(records)
            outcome = "committed"
        except ShardLost as lost:
            outcome = lost.reason
            raise
        except Exception:
            outcome = "error"
            raise
        finally:
            seconds = self._clock.monotonic() - began
            self.observer(
                CommitFinished(shard=self.number, outcome=outcome, seconds=seconds, records=len(records)),
            )
        if committed.clock_offset is not None:
            self._offset, self._offset_lead = committed.clock_offset, self._lead()
            self.observer(ClockOffset(seconds=committed.clock_offset))

    def _lead(self) -> float:
        """Return the wall clock less the monotonic one in seconds: it changes when somebody sets the wall clock."""
        return self._clock.wall() / 1000 - self._clock.monotonic()

    def _lose(self, lost: ShardLost, batch: list[tuple[Update, asyncio.Future[None]]] | None = None) -> None:
        if not self._lost.done():
            self._lost.set_result(lost)
        self._moving.clear()
        self._wake()
        waiting, self._queue = (batch or []) + self._queue, []
        for _, done in waiting:
            if not done.done():
                done.set_exception(_again(lost))
                done.exception()  # the waiter may be gone; it is told all the same if it is not

    def _wake(self) -> None:
        """Have those that wait for tenants to settle look again."""
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


def _again(lost: ShardLost) -> ShardLost:
    """Return an equal exception: one that many tasks raise would gather all their tracebacks."""
    return ShardLost(lost.reason, lost.detail)
