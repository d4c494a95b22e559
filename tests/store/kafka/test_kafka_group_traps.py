"""What aiokafka does as a member of a group that placement guards against, each shown on a real broker.

If one of these fails after an upgrade, aiokafka has changed: look whether the guard is still needed, or still enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from tests.store.kafka.groups import until
from tests.store.kafka.test_kafka_traps import make_topics
from tests.support.kafka_proxy import Api, Fault, KafkaProxy

SESSION_MS = 1500
HEARTBEAT_MS = 100
MANY = 500

Join = Callable[..., AbstractAsyncContextManager[Any]]


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Does something when partitions are assigned; `calls` names what it was told."""

    def __init__(self, assigned: Callable[[], Awaitable[None]]) -> None:
        self.calls: list[str] = []
        self._assigned = assigned

    async def on_partitions_revoked(self, revoked: object) -> None:
        """Note it."""
        del revoked
        self.calls.append("revoked")

    async def on_partitions_assigned(self, assigned: object) -> None:
        """Note it, and do it."""
        del assigned
        self.calls.append("assigned")
        await self._assigned()


@pytest.fixture
async def join(kafka: str, topic_prefix: str, proxy: KafkaProxy) -> Join:
    """Have a consumer as aiokafka's documentation makes it join a group, behind the proxy or not."""
    topic = f"{topic_prefix}agent-status"
    make_topics(kafka, topic)

    @asynccontextmanager
    async def joined(listener: Listener | None = None, *, bootstrap: str = "", **options: Any) -> AsyncIterator[Any]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap or proxy.bootstrap,
            group_id=f"{topic_prefix}traps",
            heartbeat_interval_ms=HEARTBEAT_MS,
            enable_auto_commit=False,
            **{"session_timeout_ms": SESSION_MS, **options},
        )
        await consumer.start()
        try:
            consumer.subscribe([topic], listener=listener)
            yield consumer
        finally:
            proxy.forget()
            async with asyncio.timeout(20):
                await consumer.stop()

    return joined


async def test_aiokafka_sends_no_heartbeat_while_it_tells_what_was_assigned(join: Join, proxy: KafkaProxy) -> None:
    """Who restores state in the callback is thrown out of the group. Ours only takes note."""
    began, end = asyncio.Event(), asyncio.Event()

    async def restore() -> None:
        began.set()
        await end.wait()

    async with join(Listener(restore)):
        await began.wait()
        before = proxy.seen[Api.HEARTBEAT]
        await asyncio.sleep(10 * HEARTBEAT_MS / 1000)
        assert proxy.seen[Api.HEARTBEAT] == before
        end.set()
        await until(lambda: proxy.seen[Api.HEARTBEAT] > before)


async def test_aiokafka_swallows_what_the_callback_raises(join: Join) -> None:
    """It is logged, and the member goes on as if it had taken its partitions."""

    async def fail() -> None:
        raise RuntimeError("not restored")

    listener = Listener(fail)
    async with join(listener) as consumer:
        await until(lambda: bool(consumer.assignment()))
        assert await consumer.getmany(timeout_ms=100) == {}
        assert listener.calls == ["revoked", "assigned"]


async def test_aiokafka_says_nothing_while_its_coordinator_is_out_of_reach(join: Join, proxy: KafkaProxy) -> None:
    """The member believes to own its partitions for as long as that lasts; the group gave them to others."""

    async def nothing() -> None:
        """Take note only."""

    listener = Listener(nothing)
    async with join(listener) as consumer:
        await until(lambda: bool(consumer.assignment()))
        for api in (Api.HEARTBEAT, Api.FIND_COORDINATOR, Api.JOIN_GROUP):
            for _ in range(MANY):
                proxy.inject(api, Fault.CUT_BEFORE)
        await asyncio.sleep(2 * SESSION_MS / 1000)
        assert await consumer.getmany(timeout_ms=100) == {}
        assert consumer.assignment()
        assert listener.calls == ["revoked", "assigned"]


async def test_aiokafka_joins_once_for_each_assignor(join: Join, proxy: KafkaProxy) -> None:
    """With two it sends one join more, and acts on the last answer alone."""

    async def joins(*assignors: type) -> int:
        before = proxy.seen[Api.JOIN_GROUP]
        async with join(partition_assignment_strategy=assignors) as consumer:
            await until(lambda: bool(consumer.assignment()))
            return proxy.seen[Api.JOIN_GROUP] - before

    one = [await joins(RoundRobinPartitionAssignor) for _ in range(3)]
    two = [await joins(RoundRobinPartitionAssignor, RangePartitionAssignor) for _ in range(3)]
    assert min(two) == min(one) + 1, f"{one}, {two}"  # now and then one is repeated


async def test_aiokafka_takes_a_cancelled_getmany_for_one_that_never_ends(join: Join) -> None:
    """From then on it counts as busy for ever, so `max_poll_interval_ms` protects nobody. Ours is never cancelled."""
    async with join() as consumer:
        await until(lambda: bool(consumer.assignment()))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(consumer.getmany(timeout_ms=60_000), 0.2)
        await asyncio.sleep(0.2)
        assert consumer._subscription.fetcher_idle_time == 0


async def test_aiokafkas_getmany_ignores_its_timeout_during_a_rebalance(join: Join, proxy: KafkaProxy) -> None:
    """So who waits for it to come round notices nothing else. Ours is followed from another task."""
    for _ in range(MANY):
        proxy.inject(Api.SYNC_GROUP, Fault.CUT_BEFORE)
    async with join() as consumer:
        getting = asyncio.create_task(consumer.getmany(timeout_ms=100))
        done, _ = await asyncio.wait({getting}, timeout=2)
        assert not done
        proxy.forget()
        await until(getting.done)


async def test_aiokafka_waits_for_the_end_of_a_rebalance_before_it_leaves(join: Join, kafka: str) -> None:
    """Here for a member that was frozen. Ours leaves by another connection then."""
    async with join(bootstrap=kafka, session_timeout_ms=4 * SESSION_MS) as frozen:
        await until(lambda: bool(frozen.assignment()))
        frozen._coordinator._heartbeat_task.cancel()
        async with join(bootstrap=kafka, session_timeout_ms=4 * SESSION_MS) as consumer:
            await until(lambda: bool(consumer._coordinator.member_id))
            stopping = asyncio.create_task(consumer.stop())
            done, _ = await asyncio.wait({stopping}, timeout=SESSION_MS / 1000 / 3)
            assert not done
            await stopping


def test_aiokafkas_sticky_assignor_keeps_its_state_for_all_consumers_of_a_process() -> None:
    """In the class (its issue 1175): what one was assigned, all believe to have."""
    assert {"member_assignment", "generation"} <= vars(StickyPartitionAssignor).keys()
