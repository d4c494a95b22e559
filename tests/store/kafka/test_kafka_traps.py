"""What aiokafka does that the store guards against, each shown on a real broker.

If a test named "aiokafka ..." fails after an upgrade, aiokafka has changed: look whether the guard is still needed, or
still enough.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import MessageSizeTooLargeError
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from streamer.events.record import CLAIM_KEY, EVENTS, ROWS, Record
from streamer.store import ShardLost
from streamer.store.kafka import KafkaStore
from streamer.store.kafka.client import Clients
from streamer.store.kafka.reader import reading
from tests.store.kafka.conftest import (
    IMPATIENT,
    PARTITIONS,
    PATIENT,
    SHARD,
    SLACK,
    TENANT,
    Owner,
    RawProducer,
    aiokafka_of,
    config_of,
    nothing_left,
    taken,
)
from tests.support.kafka_proxy import Api, Fault, KafkaProxy
from tests.support.narrator import Narrator
from tests.support.readers import KafkaReader

MANY = 50


def make_topics(bootstrap: str, *names: str, **settings: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    wanted = [NewTopic(name, num_partitions=PARTITIONS, replication_factor=1, config=settings) for name in names]
    for made in admin.create_topics(wanted).values():
        made.result(60)


def limit_records(bootstrap: str, topic: str, largest: int) -> None:
    """Let an operator lower a topic's limit while the service runs."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    setting = ConfigEntry("max.message.bytes", str(largest), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[setting])
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(60)


async def test_aiokafka_commits_a_transaction_of_which_a_batch_failed(
    kafka: str, topic_prefix: str, raw_producer: RawProducer
) -> None:
    """One topic refuses the event, the other takes the row: the commit succeeds and readers see the row alone."""
    small, other = f"{topic_prefix}agent-status-changed", f"{topic_prefix}agent-status"
    make_topics(kafka, small, **{"max.message.bytes": "1000"})
    make_topics(kafka, other)
    async with raw_producer(kafka) as producer:
        await producer.begin_transaction()
        event = await producer.send(small, key=b"event", value=random.Random(1).randbytes(5000), partition=0)
        await producer.send(other, key=b"row", value=b"{}", partition=0)
        await producer.commit_transaction()
        with pytest.raises(MessageSizeTooLargeError):
            await event
    reader = KafkaReader(kafka, topic_prefix)
    assert [[each.key for each in reader.read(topic)] for topic in (EVENTS, ROWS)] == [[], [b"row"]]


async def test_a_batch_that_the_broker_refuses_loses_the_shard_and_nothing_of_it_is_seen(
    kafka: str, store: KafkaStore, own: Owner, reader: KafkaReader
) -> None:
    """The guard: every record's own answer is awaited before the transaction may end."""
    shard = await own(store)
    story = Narrator(shard.state(TENANT), shards=PARTITIONS)
    await shard.commit(story.tell("a"))
    limit_records(kafka, store._clients.name(EVENTS), 100)
    with pytest.raises(ShardLost) as lost:
        await shard.commit(Narrator(shard.state(TENANT), shards=PARTITIONS).tell("a", "b"))
    assert lost.value.reason == "refused"

    limit_records(kafka, store._clients.name(EVENTS), 1_048_588)
    again = await own(store)
    assert again.tenants == shard.tenants
    assert [each.key for each in reader.read(ROWS) if each.key != CLAIM_KEY] == [f"{TENANT}|a".encode()]
    await again.commit(Narrator(again.state(TENANT), shards=PARTITIONS).tell("a", "b"))
    assert len(reader.read(EVENTS)) == 3


def take_no_batch(proxy: KafkaProxy) -> None:
    """Let no broker take a batch from now on."""
    for _ in range(MANY):
        proxy.inject(Api.PRODUCE, Fault.LOSE_REQUEST)


async def send_one(producer: Any, topic: str, partition: int) -> None:
    """Send a record whose answer nobody waits for."""
    future = await producer.send(topic, key=b"k", value=b"v", partition=partition)
    future.add_done_callback(lambda done: done.cancelled() or done.exception())


@pytest.mark.parametrize("ending", ["abort_transaction", "commit_transaction", "stop"])
async def test_aiokafka_waits_for_ever_when_no_broker_takes_a_batch(
    kafka: str, topic_prefix: str, proxy: KafkaProxy, raw_producer: RawProducer, ending: str
) -> None:
    """Aborting sends the batches first, and closing waits for them: both without a limit."""
    topic = f"{topic_prefix}agent-status"
    make_topics(kafka, topic)
    take_no_batch(proxy)
    async with raw_producer(proxy.bootstrap) as producer:
        await producer.begin_transaction()
        await send_one(producer, topic, 0)
        end = asyncio.ensure_future(getattr(producer, ending)())
        done, _ = await asyncio.wait({end}, timeout=3 * IMPATIENT.request)
        assert not done
        end.cancel()
        await asyncio.wait({end})


async def test_aiokafka_does_not_let_go_of_a_transaction_when_cancelled(
    kafka: str, topic_prefix: str, proxy: KafkaProxy, raw_producer: RawProducer
) -> None:
    """`async with producer.transaction()` under a timeout of 0.2 s is still there after 3 s."""
    topic = f"{topic_prefix}agent-status"
    make_topics(kafka, topic)
    take_no_batch(proxy)
    async with raw_producer(proxy.bootstrap) as producer:

        async def with_timeout() -> None:
            async with asyncio.timeout(0.2), producer.transaction():
                await send_one(producer, topic, 0)
                await asyncio.sleep(60)

        work = asyncio.create_task(with_timeout())
        done, _ = await asyncio.wait({work}, timeout=3 * IMPATIENT.request)
        assert not done
        work.cancel()
        await asyncio.wait({work}, timeout=1)


@pytest.mark.parametrize("ending", ["kill", "close"])
async def test_a_stuck_producer_is_gone_within_its_deadline_with_all_its_tasks(
    proxied: KafkaStore, proxy: KafkaProxy, ending: str
) -> None:
    """The guard: connections are cut and whatever aiokafka still wants to send is ended."""
    before = asyncio.all_tasks()
    shard = await taken(proxied.attempt(SHARD))
    take_no_batch(proxy)
    producer = aiokafka_of(shard)
    await producer.begin_transaction()
    await send_one(producer, proxied._clients.name(ROWS), SHARD)
    await asyncio.sleep(0.1)

    began = time.monotonic()
    await getattr(shard._engine, ending)()
    assert time.monotonic() - began < IMPATIENT.close + IMPATIENT.kill + SLACK
    assert not any(connection.connected() for connection in producer.client._conns.values())
    await nothing_left(before)


async def test_a_commit_under_way_when_its_producer_is_killed_ends_at_once_and_sends_nothing_more(
    proxied: KafkaStore, proxy: KafkaProxy
) -> None:
    """Here it looks for its coordinator, to send the end of the transaction once more."""
    before = asyncio.all_tasks()
    shard = await taken(proxied.attempt(SHARD))
    proxy.inject(Api.END_TXN, Fault.LOSE_REQUEST)
    looking = proxy.inject(Api.FIND_COORDINATOR, Fault.LOSE_REQUEST)
    commit = asyncio.create_task(shard._engine.commit([Record(EVENTS, b"k", b"v")]))
    await looking.wait()
    await shard._engine.kill()
    seen = proxy.seen.total()
    with pytest.raises(ShardLost) as lost:
        await commit
    assert lost.value.reason == "killed"
    await asyncio.sleep(IMPATIENT.request + 1)
    assert proxy.seen.total() == seen
    await nothing_left(before)


async def test_aiokafka_reports_the_last_stable_offset_as_the_end(
    kafka: str, topic_prefix: str, raw_producer: RawProducer
) -> None:
    """Under read_committed an open transaction of anybody's hides what was committed after it began."""
    topic = f"{topic_prefix}agent-status"
    make_topics(kafka, topic)
    place = TopicPartition(topic, 0)
    clients = Clients(config=config_of(kafka, topic_prefix), deadlines=PATIENT)
    async with raw_producer(kafka) as hanging:
        await hanging.begin_transaction()
        await (await hanging.send(topic, key=b"open", value=b"", partition=0))
        other = clients.producer(SHARD)
        await other.start()
        await other.begin_transaction()
        written = await (await other.send(topic, key=b"committed", value=b"", partition=0))
        await other.commit_transaction()
        await other.stop()
        async with reading(clients, [place]) as found:
            ends = await found.ends([place])
        assert (written.offset, ends[place]) == (1, 0)


async def test_aiokafka_repeats_a_lost_end_of_a_transaction_and_reports_success(
    kafka: str, topic_prefix: str, proxy: KafkaProxy, raw_producer: RawProducer
) -> None:
    """The commit returns normally although the first request may still be under way."""
    topic = f"{topic_prefix}agent-status"
    make_topics(kafka, topic)
    async with raw_producer(proxy.bootstrap) as producer:
        lost = proxy.inject(Api.END_TXN, Fault.CUT_AFTER)
        await producer.begin_transaction()
        await producer.send(topic, key=b"k", value=b"v", partition=0)
        await producer.commit_transaction()
        assert lost.is_set()
        assert proxy.seen[Api.END_TXN] == 2


async def test_a_late_end_of_a_transaction_commits_the_next_one_half_done(
    kafka: str, topic_prefix: str, proxy: KafkaProxy, raw_producer: RawProducer
) -> None:
    """KAFKA-17754: with the same epoch, the stray request ends whatever transaction is open when it arrives."""
    topic = f"{topic_prefix}agent-status"
    make_topics(kafka, topic)
    async with raw_producer(proxy.bootstrap) as producer:
        proxy.inject(Api.END_TXN, Fault.LATE)
        await producer.begin_transaction()
        await producer.send(topic, key=b"first", value=b"v", partition=0)
        await producer.commit_transaction()
        await producer.begin_transaction()
        await (await producer.send(topic, key=b"half of the second", value=b"v", partition=0))
        await proxy.release()
        assert [each.key for each in KafkaReader(kafka, topic_prefix).read(ROWS)] == [b"first", b"half of the second"]


async def test_a_lost_answer_taints_the_producer_and_a_late_request_finds_it_fenced(
    proxied: KafkaStore, proxy: KafkaProxy, own: Owner, reader: KafkaReader
) -> None:
    """The guard: nothing is written with that producer again, and the next one's epoch shuts the stray request out."""
    shard = await own(proxied)
    story = Narrator(shard.state(TENANT), shards=PARTITIONS)
    proxy.inject(Api.END_TXN, Fault.LATE)
    with pytest.raises(ShardLost) as lost:
        await shard.commit(story.tell("a"))
    assert lost.value.reason == "tainted"

    again = await own(proxied)
    assert again.tenants == {TENANT: story.state}
    producer = aiokafka_of(again)
    await producer.begin_transaction()
    await (await producer.send(proxied._clients.name(EVENTS), key=b"half", value=b"v", partition=SHARD))
    await proxy.release()
    await own(proxied)
    assert [each.key for each in reader.read(EVENTS)] == [f"{TENANT}|a".encode()]
