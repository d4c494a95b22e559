"""The queue and the cache of a shard, over an engine whose every commit the test decides."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

import pytest

from streamer.clock import SystemClock
from streamer.diff.state import TenantState
from streamer.events.record import EVENTS, Record
from streamer.signals import ClockOffset, CommitFinished, Signal
from streamer.store import Committed, Shard, ShardLost, Update
from streamer.store.shard import BATCH_BYTES


class GatedEngine:
    """An engine that commits when the test says so; `fails` is raised instead, once the gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.began = asyncio.Event()
        self.commits: list[list[Record]] = []
        self.fails: Exception | None = None
        self.ended: list[str] = []
        self.busy = False

    async def commit(self, records: Sequence[Record]) -> Committed:
        """Wait for the gate."""
        assert not self.ended, "commits come before the end"
        self.busy = True
        self.began.set()
        try:
            await self.gate.wait()
            if self.fails is not None:
                raise self.fails
        finally:
            self.busy = False
        self.commits.append(list(records))
        return Committed(clock_offset=0.25)

    async def close(self) -> None:
        """Note that it was closed in good order."""
        assert not self.busy, "no commit is in flight when an engine is closed"
        self.ended.append("closed")

    async def kill(self) -> None:
        """Note that it was killed."""
        self.ended.append("killed")


@pytest.fixture
def engine() -> GatedEngine:
    return GatedEngine()


@pytest.fixture
async def shard(engine: GatedEngine) -> Shard:
    return Shard(number=7, tenants={"old": state("old", 1)}, engine=engine, clock=SystemClock())


@pytest.fixture
def signals(shard: Shard) -> list[Signal]:
    heard: list[Signal] = []
    shard.observer = heard.append
    return heard


def state(tenant: str, sequence: int) -> TenantState:
    """Return a state that can be told from others by its sequence."""
    return TenantState(tenant=tenant, sequence=sequence)


def update(tenant: str, sequence: int, size: int = 10) -> Update:
    """Return an update of one record that moves a tenant's state."""
    return Update((Record(EVENTS, tenant.encode(), b"x" * size),), state(tenant, sequence))


def start(shard: Shard, *updates: Update) -> list[asyncio.Task[None]]:
    """Hand updates in, in this order."""
    return [asyncio.create_task(shard.commit(each)) for each in updates]


async def settled(tasks: list[asyncio.Task[None]]) -> list[str]:
    """Return how each ended: `done`, or the reason of the loss."""
    results = await asyncio.gather(*tasks, return_exceptions=True)
    return [each.reason if isinstance(each, ShardLost) else "done" for each in results]


async def test_the_cache_moves_only_after_the_commit(shard: Shard, engine: GatedEngine) -> None:
    """While a transaction is in flight everybody sees the state before it (I4)."""
    tasks = start(shard, update("new", 5), update("old", 2))
    await engine.began.wait()
    assert (shard.state("new").sequence, shard.state("old").sequence) == (0, 1)
    engine.gate.set()
    assert await settled(tasks) == ["done", "done"]
    assert (shard.state("new").sequence, shard.state("old").sequence) == (5, 2)


async def test_an_unknown_tenant_has_an_empty_state(shard: Shard) -> None:
    """Asking for a tenant makes nothing up."""
    assert shard.state("nobody") == TenantState(tenant="nobody")
    assert set(shard.tenants) == {"old"}


async def test_what_arrives_meanwhile_goes_into_the_next_commit_together(shard: Shard, engine: GatedEngine) -> None:
    """Two commits for a hundred updates, in the order in which they came."""
    first = start(shard, update("t0", 1))
    await engine.began.wait()
    rest = start(shard, *(update(f"t{number}", 1) for number in range(1, 100)))
    await asyncio.sleep(0)
    engine.gate.set()
    assert set(await settled(first + rest)) == {"done"}
    names = [[record.key.decode() for record in commit] for commit in engine.commits]
    assert names == [["t0"], [f"t{number}" for number in range(1, 100)]]


async def test_a_tenant_settles_however_busy_the_others_are(shard: Shard, engine: GatedEngine) -> None:
    """Whoever waits for its own tenant's updates does not wait for the queue to be empty, which it may never be."""

    async def keep_busy() -> None:
        while True:
            await shard.commit(update("old", 2))
            if len(engine.commits) > 1000:
                return

    class Slow(asyncio.Event):
        async def wait(self) -> Literal[True]:
            for _ in range(5):
                await asyncio.sleep(0)
            return True

    engine.gate = Slow()
    busy = [asyncio.create_task(keep_busy())]
    await engine.began.wait()
    busy.append(asyncio.create_task(keep_busy()))  # from now on one of the two always waits
    tasks = start(shard, update("new", 5))
    await asyncio.sleep(0)
    assert shard.is_moving("new")
    await shard.settled("new")
    assert shard.state("new").sequence == 5
    assert len(engine.commits) < 20
    await asyncio.gather(*busy, *tasks)


async def test_a_loss_settles_all(shard: Shard, engine: GatedEngine) -> None:
    """Nothing is under way any more; what was committed is found out by the next owner."""
    engine.fails = ShardLost("fenced")
    tasks = start(shard, update("new", 1))
    await engine.began.wait()
    waiting = asyncio.create_task(shard.settled("new"))
    engine.gate.set()
    await asyncio.wait_for(waiting, 60)
    assert await settled(tasks) == ["fenced"]


async def test_a_transaction_has_a_size_and_a_larger_update_goes_alone(shard: Shard, engine: GatedEngine) -> None:
    """No update is torn apart, and none waits for ever because it is large."""
    half = BATCH_BYTES // 2
    sizes = [half, half - 100, 200, BATCH_BYTES + 1, 10, 10]
    engine.gate.set()
    await settled(start(shard, *(update(f"t{number}", 1, size) for number, size in enumerate(sizes))))
    assert [[record.key.decode() for record in commit] for commit in engine.commits] == [
        ["t0", "t1"],
        ["t2"],
        ["t3"],
        ["t4", "t5"],
    ]


@pytest.mark.parametrize(
    ("error", "reason"), [(ShardLost("fenced", "by a later one"), "fenced"), (RuntimeError("a bug"), "error")]
)
async def test_a_loss_is_told_to_all_who_wait_and_to_all_who_come(
    shard: Shard, engine: GatedEngine, signals: list[Signal], error: Exception, reason: str
) -> None:
    """In flight, queued and later updates fail alike; the state stays; the signal names the reason."""
    engine.fails = error
    first = start(shard, update("old", 2))
    await engine.began.wait()
    queued = start(shard, update("new", 1))
    await asyncio.sleep(0)
    engine.gate.set()
    assert await settled(first + queued) == [reason, reason]
    assert (await shard.lost()).reason == reason
    with pytest.raises(ShardLost, match=reason):
        await shard.commit(update("old", 3))
    assert shard.tenants == {"old": state("old", 1)}
    assert [each.outcome for each in signals if isinstance(each, CommitFinished)] == [reason]
    await shard.close()
    assert engine.ended == ["killed"]


async def test_each_waiter_gets_an_exception_of_its_own(shard: Shard, engine: GatedEngine) -> None:
    """One that many tasks raise would gather the tracebacks of all of them."""
    engine.fails = ShardLost("timeout", "no answer")
    tasks = start(shard, update("a", 1), update("b", 1))
    engine.gate.set()
    losses = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(each) for each in losses] == ["timeout: no answer"] * 2
    assert losses[0] is not losses[1]


async def test_killing_drops_the_queue_and_the_transaction_in_flight(
    shard: Shard, engine: GatedEngine, signals: list[Signal]
) -> None:
    """Nobody waits on, and nothing that was not confirmed counts."""
    tasks = start(shard, update("a", 1))
    await engine.began.wait()
    tasks += start(shard, update("b", 1))
    await asyncio.sleep(0)
    await shard.kill()
    assert await settled(tasks) == ["killed", "killed"]
    assert set(shard.tenants) == {"old"}
    assert [each.outcome for each in signals if isinstance(each, CommitFinished)] == ["killed"]
    assert engine.ended == ["killed"]


async def test_killing_before_the_transaction_began_leaves_nobody_waiting(shard: Shard, engine: GatedEngine) -> None:
    """The task that would have committed never ran; the callers learn it all the same."""
    tasks = start(shard, update("a", 1))
    await asyncio.sleep(0)
    await shard.kill()
    assert await settled(tasks) == ["killed"]
    assert engine.commits == []


async def test_cancelling_a_caller_does_not_take_its_update_back(shard: Shard, engine: GatedEngine) -> None:
    """Neither the one in flight nor one that waits; the state moves although nobody is told."""
    (first,) = start(shard, update("a", 1))
    await engine.began.wait()
    (second,) = start(shard, update("b", 1))
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    engine.gate.set()
    await shard.close()
    assert [len(commit) for commit in engine.commits] == [1, 1]
    assert set(shard.tenants) == {"old", "a", "b"}


async def test_closing_waits_for_the_queue_and_takes_nothing_more(shard: Shard, engine: GatedEngine) -> None:
    """A caller that is told and at once comes back is turned away; the engine is closed with nothing in flight."""

    async def poller() -> int:
        for count in range(100):
            try:
                await shard.commit(update("a", count + 1))
            except ShardLost:
                return count
        return 100

    task = asyncio.create_task(poller())
    await engine.began.wait()
    waiting = start(shard, update("b", 1))
    await asyncio.sleep(0)
    closing = asyncio.create_task(shard.close())
    await asyncio.sleep(0)
    engine.gate.set()
    await closing
    assert await settled(waiting) == ["done"]
    assert await task == 1
    assert engine.ended == ["closed"]
    assert (await shard.lost()).reason == "closed"


async def test_the_stores_clock_is_told_after_each_commit(
    shard: Shard, engine: GatedEngine, signals: list[Signal]
) -> None:
    """The offset is kept for whoever asks, and signalled."""
    engine.gate.set()
    await shard.commit(update("a", 1))
    assert shard.clock_offset == pytest.approx(0.25, abs=0.1)
    assert ClockOffset(seconds=0.25) in signals


async def test_a_clock_that_is_set_shows_before_the_next_commit(engine: GatedEngine) -> None:
    """Else the first thing that is committed by the wrong time would be what shows that it is wrong."""

    class Stepped(SystemClock):
        """A host whose clock somebody sets."""

        by = 0

        def wall(self) -> int:
            """Return the time that was set."""
            return super().wall() + self.by

    clock = Stepped()
    shard = Shard(number=7, tenants={}, engine=engine, clock=clock, clock_offset=0.5)
    assert shard.clock_offset == pytest.approx(0.5, abs=0.1)
    clock.by = 3_600_000
    assert shard.clock_offset == pytest.approx(3600.5, abs=0.1)
    engine.gate.set()
    await shard.commit(update("a", 1))
    assert shard.clock_offset == pytest.approx(0.25, abs=0.1)


async def test_waiting_for_the_loss_can_be_given_up(shard: Shard) -> None:
    """Many may wait; one that is cancelled takes nothing from the others."""
    waiters = [asyncio.create_task(shard.lost()) for _ in range(2)]
    await asyncio.sleep(0)
    waiters[0].cancel()
    await asyncio.wait(waiters[:1])
    await shard.kill()
    assert (await waiters[1]).reason == "killed"


async def test_a_note_moves_the_cache_without_a_transaction(shard: Shard, engine: GatedEngine) -> None:
    """What is not durable costs no commit."""
    shard.note(state("old", 9))
    assert shard.state("old").sequence == 9
    assert not engine.began.is_set()
