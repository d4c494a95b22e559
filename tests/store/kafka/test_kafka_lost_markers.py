"""A broker that completes a transaction without writing its end (KAFKA-20734): the next owner ends it everywhere at once.

Brokers 4.3.0 and 4.3.1 do so with partitions that have no leader at that moment, as all of a single node's while it
starts. To have it at will, these tests write what such a transaction leaves behind: records of which the coordinator
knows nothing, to a broker that does not ask it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import pytest
from aiokafka import TopicPartition

from streamer.events.record import EVENTS, ROWS, TOPICS
from tests.store.kafka.conftest import PARTITIONS, SHARD, TENANT, Owner, aiokafka_of, config_of, store_of
from tests.support.narrator import Narrator
from tests.support.programs import wait_until
from tests.support.readers import KafkaReader

if TYPE_CHECKING:
    from streamer.store import Shard
    from streamer.store.shard import Update
    from tests.conftest import OwnBroker

UNASKED: Final = {"transaction.partition.verification.enable": "false"}
"""How all brokers were before 3.6: they take records of a transaction without asking whether it began."""

pytestmark = pytest.mark.every_kafka


async def write_without_an_end(owner: Shard, prefix: str, update: Update, reader: KafkaReader) -> None:
    """Leave an update's records behind as of a transaction that nobody will end, and the owner dead."""
    wait_until(lambda: not any(map(reader.hanging, TOPICS)), "its last one has ended, or that would end ours too")
    producer = aiokafka_of(owner)
    places = [TopicPartition(f"{prefix}{record.topic}", SHARD) for record in update.records]
    await producer.begin_transaction()
    producer._txn_manager._txn_partitions.update(places)  # so that it does not tell the coordinator of them
    sent = [
        await producer.send(place.topic, record.value, record.key, SHARD, headers=list(record.headers))
        for place, record in zip(places, update.records, strict=True)
    ]
    await asyncio.gather(*sent)
    await owner.kill()


async def test_what_a_broker_left_without_an_end_is_committed_in_all_partitions_before_anything_is_read(
    own_broker: OwnBroker, own: Owner
) -> None:
    """Events and rows are read together, by the next owner and by consumers, though nothing more ever happens."""
    broker, prefix = own_broker(UNASKED), "unended-"
    store, reader = store_of(config_of(broker.bootstrap, prefix)), KafkaReader(broker.bootstrap, prefix)
    await store.start()
    old = await own(store)
    await old.commit(Narrator(old.state(TENANT), shards=PARTITIONS).tell("a"))
    await write_without_an_end(old, prefix, Narrator(old.state(TENANT), shards=PARTITIONS).tell("a", "b"), reader)
    assert reader.hanging(ROWS)
    assert reader.hanging(EVENTS)

    new = await own(store)
    for topic in (EVENTS, ROWS):
        reader.check_that_nothing_hangs(topic)
    events = reader.read(EVENTS)
    assert [each.key for each in events] == [f"{TENANT}|{agent}".encode() for agent in ("a", "a", "b")]
    rows = [row for row in reader.read(ROWS) if row.value is not None]
    assert [row.value for row in rows] == [event.value for event in events]
    await new.commit(Narrator(new.state(TENANT), shards=PARTITIONS).tell("b"))
    assert [each.key for each in reader.read(EVENTS)][-1] == f"{TENANT}|b".encode()
