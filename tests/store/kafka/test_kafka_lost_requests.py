from __future__ import annotations

import asyncio
import gc
import itertools
import time

import pytest

from streamer.events.record import EVENTS
from streamer.store import ShardLost
from streamer.store.kafka import KafkaStore
from tests.store.kafka.conftest import IMPATIENT, PARTITIONS, SHARD, SLACK, TENANT, Owner, nothing_left, taken
from tests.support.kafka_proxy import Api, Fault, KafkaProxy
from tests.support.narrator import Narrator
from tests.support.readers import KafkaReader

LOSSES = list(itertools.product([Api.ADD_PARTITIONS_TO_TXN, Api.PRODUCE, Api.END_TXN], Fault))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: "-".join(part.name.lower() for part in loss))
async def test_whichever_request_is_lost_in_whichever_way_the_outcome_is_all_or_nothing(
    proxied: KafkaStore, proxy: KafkaProxy, own: Owner, reader: KafkaReader, loss: tuple[Api, Fault]
) -> None:
    """The shard is lost within the deadline; the next owner sees the truth and goes on without a gap or a double."""
    shard = await own(proxied)
    await shard.commit(Narrator(shard.state(TENANT), shards=PARTITIONS).tell("a", "b"))
    struck = proxy.inject(*loss)
    began = time.monotonic()
    with pytest.raises(ShardLost) as lost:
        await shard.commit(Narrator(shard.state(TENANT), shards=PARTITIONS).tell("a", "b"))
    assert time.monotonic() - began < IMPATIENT.commit + IMPATIENT.kill + SLACK
    assert struck.is_set()
    assert lost.value.reason == "tainted"

    again = await own(proxied)
    await proxy.release()
    await again.commit(Narrator(again.state(TENANT), shards=PARTITIONS).tell("a", "b"))
    assert len(reader.read(EVENTS)) == again.state(TENANT).sequence
    assert again.tenants == (await own(proxied)).tenants


@pytest.mark.parametrize("api", [Api.FIND_COORDINATOR, Api.INIT_PRODUCER_ID, Api.END_TXN, Api.FETCH])
@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.CUT_AFTER])
async def test_a_take_over_that_loses_a_request_succeeds_or_fails_in_time_and_leaves_nothing(
    proxied: KafkaStore, proxy: KafkaProxy, api: Api, fault: Fault
) -> None:
    """Wherever it is hit, it ends within its deadlines; the next attempt is not the worse for it."""
    before = asyncio.all_tasks()
    struck = proxy.inject(api, fault)
    began = time.monotonic()
    try:
        shard = await proxied.attempt(SHARD).run(lambda: True)
    except ShardLost:
        pass
    else:
        await shard.kill()
    assert time.monotonic() - began < IMPATIENT.start + IMPATIENT.commit + IMPATIENT.silence + SLACK
    assert struck.is_set()
    await (await taken(proxied.attempt(SHARD))).close()
    await nothing_left(before)


async def test_a_take_over_that_is_cancelled_while_it_connects_leaves_no_connection_behind(
    proxied: KafkaStore, proxy: KafkaProxy
) -> None:
    """Cancelled while it asks for the cluster's brokers, aiokafka forgets the connection that it asked on."""
    before = asyncio.all_tasks()
    struck = proxy.inject(Api.METADATA, Fault.LOSE_ANSWER)
    attempt = asyncio.create_task(proxied.attempt(SHARD).run(lambda: True))
    await struck.wait()
    attempt.cancel()
    await asyncio.wait({attempt})
    gc.collect()  # what was forgotten would complain here
    await asyncio.sleep(IMPATIENT.request + 0.5)
    gc.collect()
    await nothing_left(before)
