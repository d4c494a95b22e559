"""Shards that nobody writes to for so long that the broker forgets who did."""

from __future__ import annotations

import asyncio

import pytest

from streamer.events.record import EVENTS
from streamer.store import ShardLost
from tests.conftest import OwnBroker
from tests.store.kafka.conftest import PARTITIONS, TENANT, Owner, config_of, store_of
from tests.support.narrator import Narrator
from tests.support.readers import KafkaReader

pytestmark = pytest.mark.slow

PREFIX = "idle-"

FORGETS_PRODUCERS = {"producer.id.expiration.ms": "1000", "producer.id.expiration.check.interval.ms": "300"}
"""The leaders of the partitions forget whose epoch was the last; by default after a day."""

FORGETS_TRANSACTIONS = {
    "transactional.id.expiration.ms": "1000",
    "transaction.remove.expired.transaction.cleanup.interval.ms": "300",
}
"""The coordinator forgets the transactional id itself; by default after a week."""

BOTH = FORGETS_PRODUCERS | FORGETS_TRANSACTIONS


@pytest.mark.parametrize("forgets", [FORGETS_PRODUCERS, BOTH], ids=["leaders", "coordinator"])
async def test_a_zombie_that_the_broker_has_forgotten_writes_nothing_that_is_seen(
    own_broker: OwnBroker, own: Owner, forgets: dict[str, str]
) -> None:
    """Old owner and new one idle until nothing of them is known; then the old one wakes up first (KAFKA-18019)."""
    broker = own_broker(forgets)
    store = store_of(config_of(broker.bootstrap, PREFIX))
    await store.start()
    old = await own(store)
    await old.commit(Narrator(old.state(TENANT), shards=PARTITIONS).tell("a"))
    new = await own(store)
    await new.commit(Narrator(new.state(TENANT), shards=PARTITIONS).tell("a"))
    await asyncio.sleep(4)
    with pytest.raises(ShardLost):
        await old.commit(Narrator(old.state(TENANT), shards=PARTITIONS).tell("a", "zombie"))
    reader = KafkaReader(broker.bootstrap, PREFIX)
    assert [each.key for each in reader.read(EVENTS)] == [f"{TENANT}|a".encode()] * 2

    try:
        await new.commit(Narrator(new.state(TENANT), shards=PARTITIONS).tell("b"))
    except ShardLost:  # it was forgotten too; whoever takes the shard over goes on
        new = await own(store)
        await new.commit(Narrator(new.state(TENANT), shards=PARTITIONS).tell("b"))
    assert [each.key for each in reader.read(EVENTS)] == [f"{TENANT}|{agent}".encode() for agent in "aab"]
    assert (await own(store)).tenants == new.tenants
