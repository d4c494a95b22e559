from __future__ import annotations

import asyncio
import time

import pytest

from streamer.events.record import EVENTS
from streamer.store import ShardLost
from streamer.store.kafka import KafkaStore
from tests.conftest import OwnBroker
from tests.store.kafka.conftest import (
    IMPATIENT,
    PARTITIONS,
    SHARD,
    SLACK,
    TENANT,
    Owner,
    aiokafka_of,
    config_of,
    nothing_left,
    store_of,
)
from tests.support.narrator import Narrator
from tests.support.readers import KafkaReader

pytestmark = pytest.mark.slow

PREFIX = "outage-"


async def started(bootstrap: str) -> KafkaStore:
    store = store_of(config_of(bootstrap, PREFIX), IMPATIENT)
    await store.start()
    return store


async def lost_by(work: asyncio.Task[None], limit: float) -> str:
    """Return why the shard was lost; it must say so within `limit` seconds."""
    began = time.monotonic()
    with pytest.raises(ShardLost) as lost:
        await work
    assert time.monotonic() - began < limit + SLACK
    return lost.value.reason


async def test_a_broker_that_freezes_loses_the_shard_in_time_and_it_is_taken_again_after_the_thaw(
    own_broker: OwnBroker, own: Owner
) -> None:
    """No call hangs, nothing is left behind, and what was unconfirmed is settled by the next take-over."""
    broker = own_broker({})
    store, before = await started(broker.bootstrap), asyncio.all_tasks()
    shard = await own(store)
    await shard.commit(Narrator(shard.state(TENANT), shards=PARTITIONS).tell("a"))
    producer = aiokafka_of(shard)
    broker.freeze()
    update = Narrator(shard.state(TENANT), shards=PARTITIONS).tell("a", "b")
    reason = await lost_by(asyncio.create_task(shard.commit(update)), IMPATIENT.commit + IMPATIENT.kill)
    assert reason == "timeout"
    assert not any(connection.connected() for connection in producer.client._conns.values())

    attempt = asyncio.ensure_future(store.take_over(SHARD, lambda: True))
    with pytest.raises(ShardLost) as lost:
        await asyncio.wait_for(attempt, IMPATIENT.start + IMPATIENT.kill + SLACK)
    assert lost.value.reason in {"timeout", "unreachable"}
    with pytest.raises(OSError, match="can't be reached"):
        await store.start()
    await nothing_left(before)

    broker.thaw()
    again = await own(store)
    reader = KafkaReader(broker.bootstrap, PREFIX)
    assert again.state(TENANT).sequence == len(reader.read(EVENTS))
    await again.commit(Narrator(again.state(TENANT), shards=PARTITIONS).tell("a"))
    assert again.state(TENANT).sequence == len(reader.read(EVENTS))


async def test_a_broker_that_is_killed_loses_the_shard_and_the_state_is_there_when_it_is_back(
    own_broker: OwnBroker, own: Owner
) -> None:
    """A power cut at the broker costs nothing that was confirmed, and no task of ours goes on knocking at its port."""
    broker = own_broker({})
    store, before = await started(broker.bootstrap), asyncio.all_tasks()
    shard = await own(store)
    await shard.commit(Narrator(shard.state(TENANT), shards=PARTITIONS).tell("a", "b"))
    broker.kill()
    update = Narrator(shard.state(TENANT), shards=PARTITIONS).tell("a")
    await lost_by(asyncio.create_task(shard.commit(update)), IMPATIENT.commit + IMPATIENT.kill)
    await nothing_left(before)
    with pytest.raises(ShardLost):
        await store.take_over(SHARD, lambda: True)

    broker.start()
    async with asyncio.timeout(30):
        while True:
            try:
                again = await own(store)
                break
            except ShardLost:
                await asyncio.sleep(0.2)
    assert again.tenants == shard.tenants


async def test_a_reader_that_follows_waits_for_a_broker_that_is_away(own_broker: OwnBroker, own: Owner) -> None:
    """`tail` goes on where it was; nothing is missed or seen twice."""
    broker = own_broker({})
    store = await started(broker.bootstrap)
    shard = await own(store)
    await shard.commit(Narrator(shard.state(TENANT), shards=PARTITIONS).tell("a"))
    async with asyncio.timeout(60):
        events = aiter(store.read(EVENTS, follow=True))
        first = await anext(events)
        following = asyncio.ensure_future(anext(events))
        broker.restart()
        again = await own(store)
        await again.commit(Narrator(again.state(TENANT), shards=PARTITIONS).tell("b"))
        second = await following
        await events.aclose()  # type: ignore[attr-defined]
    assert [first.key, second.key] == [f"{TENANT}|a".encode(), f"{TENANT}|b".encode()]
