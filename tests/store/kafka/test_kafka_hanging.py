"""Somebody's transaction that nobody ends holds back what can be read: a take-over waits for it, and says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Producer

from streamer.config import KafkaConfig
from streamer.events.record import EVENTS, ROWS
from streamer.store import ShardLost
from streamer.store.kafka import KafkaStore
from tests.store.kafka.conftest import IMPATIENT, PARTITIONS, SHARD, TENANT, Owner, store_of
from tests.support.narrator import Narrator
from tests.support.readers import KafkaReader

pytestmark = pytest.mark.every_kafka


@contextmanager
def open_transaction(config: KafkaConfig, topic: str) -> Iterator[None]:
    """Have a foreign producer write a record to the tests' shard, and end its transaction only in the end."""
    name = f"{config.topic_prefix}{topic}"
    settings = {"bootstrap.servers": config.bootstrap_servers[0], "transactional.id": f"{name}-foreign", "log_level": 0}
    producer = Producer(settings)
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(name, b"foreign", key=f"{TENANT}|foreign".encode(), partition=SHARD)
    assert producer.flush(20) == 0
    try:
        yield
    finally:
        producer.abort_transaction(20)


async def test_a_take_over_waits_for_a_hanging_transaction_and_says_where_it_hangs(
    store: KafkaStore, config: KafkaConfig, own: Owner, reader: KafkaReader
) -> None:
    """The state before it would be stale; once it is aborted the take-over goes on, and nobody ever sees its record."""
    old = await own(store)
    await old.commit(Narrator(old.state(TENANT), shards=PARTITIONS).tell("a"))
    with open_transaction(config, ROWS):
        await old.commit(Narrator(old.state(TENANT), shards=PARTITIONS).tell("a", "b"))
        [(shard, stable, end)] = reader.hanging(ROWS)
        assert (shard, stable < end) == (SHARD, True)
        with pytest.raises(ShardLost) as lost:
            await store_of(config, IMPATIENT).attempt(SHARD).run(lambda: True)
        assert lost.value.reason == "hanging"
        place = f"{config.topic_prefix}{ROWS}-{SHARD} can be read up to offset {stable} only"
        assert place in str(lost.value)
        assert f"find-hanging --topic {config.topic_prefix}{ROWS} --partition {SHARD}" in str(lost.value)
    new = await own(store)
    assert new.tenants == old.tenants
    reader.check_that_nothing_hangs(ROWS)


async def test_a_transaction_that_hangs_among_the_events_delays_their_readers_alone(
    store: KafkaStore, config: KafkaConfig, own: Owner, reader: KafkaReader
) -> None:
    """The tables can be read: shards are taken over and written; the events come when the transaction has ended."""
    with open_transaction(config, EVENTS):
        for _ in range(2):
            owner = await own(store)
            await owner.commit(Narrator(owner.state(TENANT), shards=PARTITIONS).tell("a"))
        assert reader.hanging(EVENTS)
    assert [each.key for each in reader.read(EVENTS)] == [f"{TENANT}|a".encode()] * 2
