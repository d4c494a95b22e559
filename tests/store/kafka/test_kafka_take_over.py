from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from streamer.clock import SystemClock
from streamer.config import KafkaConfig
from streamer.diff.state import TenantState
from streamer.events.record import CLAIM_KEY, EVENTS, QUEUES, ROWS, TENANTS, TOPICS, Record, Stored, Topic
from streamer.store import Shard, ShardLost, Update
from streamer.store.kafka import Deadlines, KafkaStore
from streamer.store.kafka.client import Clients
from streamer.store.kafka.guard import GuardedProducer
from streamer.store.kafka.producer import KafkaEngine
from streamer.store.kafka.reader import Reader, reading
from streamer.store.kafka.takeover import TakeOver
from streamer.store.restore import Restoration
from tests.store.kafka.conftest import (
    IMPATIENT,
    PARTITIONS,
    PATIENT,
    SHARD,
    TENANT,
    Ahead,
    Owner,
    aiokafka_of,
    config_of,
    nothing_left,
    store_of,
    taken,
)
from tests.support.narrator import Narrator
from tests.support.readers import KafkaReader

pytestmark = pytest.mark.every_kafka

STEPS = 24
"""Moments at which a take-over is cancelled, from its beginning to about its end."""

Interloper = Callable[[], Awaitable[None]]


def told(state: TenantState, *agents: str) -> Update:
    return Narrator(state, shards=PARTITIONS).tell(*agents)


async def test_a_take_over_ends_the_open_transaction_of_the_old_owner(
    store: KafkaStore, own: Owner, reader: KafkaReader
) -> None:
    """What a zombie wrote and did not commit never becomes visible, and the new owner need not wait for its timeout."""
    old = await own(store)
    await old.commit(told(old.state(TENANT), "a"))
    zombie = aiokafka_of(old)
    await zombie.begin_transaction()
    await (await zombie.send(store._clients.name(ROWS), key=b"zombie", value=b"{}", partition=SHARD))

    began = time.monotonic()
    new = await own(store)
    assert time.monotonic() - began < IMPATIENT.start
    with pytest.raises(Exception, match="ProducerFenced"):
        await zombie.commit_transaction()

    assert new.tenants == old.tenants
    await new.commit(told(new.state(TENANT), "a"))
    assert [each.key for each in reader.read(ROWS) if each.key != CLAIM_KEY] == [f"{TENANT}|a".encode()] * 2


async def test_a_claim_is_a_tombstone_on_each_table_and_on_no_other_topic(
    store: KafkaStore, own: Owner, reader: KafkaReader
) -> None:
    """I3: what the read must pass is a record of this producer's; a table's readers notice nothing."""
    await own(store)
    assert [[(each.key, each.value) for each in reader.read(topic)] for topic in TOPICS] == [
        [],
        [(CLAIM_KEY, None)],
        [(CLAIM_KEY, None)],
        [(CLAIM_KEY, None)],
    ]


class Interrupted(TakeOver):
    """The real steps, with somebody else at work before each."""

    interloper: Interloper

    async def fence(self, engine: KafkaEngine) -> None:
        """Fence."""
        await self.interloper()
        await super().fence(engine)

    async def claim(self, engine: KafkaEngine) -> Mapping[Topic, int]:
        """Claim."""
        await self.interloper()
        return await super().claim(engine)

    async def read(self, claims: Mapping[Topic, int]) -> Restoration:
        """Read."""
        await self.interloper()
        return await super().read(claims)

    async def build(self, restoration: Restoration) -> Mapping[str, TenantState]:
        """Build."""
        await self.interloper()
        return await super().build(restoration)


class ReadFirst(Interrupted):
    """A take-over with its order broken on purpose: the state is read before the old owner is fenced."""

    early: Restoration | None = None

    async def fence(self, engine: KafkaEngine) -> None:
        """Read all that is there, and fence only then."""
        places = [self._clients.place(topic, self._shard) for topic in (ROWS, TENANTS)]
        async with reading(self._clients, places) as found:
            ends = await found.ends(places)
        self.early = await TakeOver.read(self, {ROWS: ends[places[0]] - 1, TENANTS: ends[places[1]] - 1})
        await super().fence(engine)

    async def read(self, claims: Mapping[Topic, int]) -> Restoration:
        """Return what was read before."""
        del claims
        assert self.early is not None
        return self.early


async def raced(kind: type[Interrupted], store: KafkaStore, own: Owner) -> Shard:
    """Take over while the old owner goes on committing at every step, as long as it is let."""
    old = await own(store)
    story = Narrator(old.state(TENANT), shards=PARTITIONS)
    await old.commit(story.tell("a"))

    async def interloper() -> None:
        with suppress(ShardLost):
            await old.commit(Narrator(old.state(TENANT), shards=PARTITIONS).tell("a"))

    attempt = kind(shard=SHARD, clients=store._clients, clock=SystemClock(), gate=asyncio.Semaphore())
    attempt.interloper = interloper
    return await attempt.run(lambda: True)


async def test_the_state_is_complete_whatever_the_old_owner_commits_meanwhile(
    store: KafkaStore, own: Owner, reader: KafkaReader
) -> None:
    """I1 to I3: each of its commits is either in what the new owner read, or refused."""
    shard = await raced(Interrupted, store, own)
    assert shard.state(TENANT).sequence == len(reader.read(EVENTS)) == 2
    await shard.kill()


async def test_this_suite_notices_a_state_that_was_read_before_the_old_owner_was_fenced(
    store: KafkaStore, own: Owner, reader: KafkaReader
) -> None:
    """The test above can fail: with the order broken, a commit is missing from the state."""
    shard = await raced(ReadFirst, store, own)
    assert shard.state(TENANT).sequence < len(reader.read(EVENTS))
    await shard.kill()


@asynccontextmanager
async def hanging_transaction(kafka: str, prefix: str) -> AsyncIterator[GuardedProducer]:
    """Hold a transaction of another program's open on the tables, as one that its client has forgotten."""
    clients = Clients(config=config_of(kafka, prefix), deadlines=PATIENT)
    other = Clients(config=config_of(kafka, f"{prefix}other-"), deadlines=PATIENT).producer(SHARD)
    guard = GuardedProducer(producer=other, clock=SystemClock(), deadlines=PATIENT)
    await guard.start([clients.name(ROWS), clients.name(TENANTS)])
    await other.begin_transaction()
    for topic in (ROWS, TENANTS):
        await (await other.send(clients.name(topic), key=CLAIM_KEY, value=None, partition=SHARD))
    yield guard
    await guard.kill()


async def test_a_take_over_waits_for_a_hanging_transaction_rather_than_begin_with_an_old_state(
    kafka: str, topic_prefix: str, store: KafkaStore, own: Owner
) -> None:
    """The readable end stands still before what was committed last. The read must pass the claim, so it goes no further."""
    old = await own(store)
    await old.commit(told(old.state(TENANT), "a"))
    async with hanging_transaction(kafka, topic_prefix) as other:
        await old.commit(told(old.state(TENANT), "b"))

        places = [store._clients.place(topic, SHARD) for topic in (ROWS, TENANTS)]
        async with reading(store._clients, places) as found:
            stale = [each.key async for each in found.until(await found.ends(places))]
        assert f"{TENANT}|a".encode() in stale
        assert f"{TENANT}|b".encode() not in stale  # what "up to the end" would have given

        impatient = store_of(store._clients.config, IMPATIENT)
        with pytest.raises(ShardLost) as lost:
            await impatient.attempt(SHARD).run(lambda: True)
        assert lost.value.reason == "hanging"

        await other._producer.abort_transaction()
        assert (await own(store)).tenants == old.tenants


async def test_a_clock_that_is_off_is_seen_at_the_claim(kafka: str, topic_prefix: str, store: KafkaStore) -> None:
    """Before the first poll: else that would promise by the wrong time what no other owner could keep."""
    assert store.shards == PARTITIONS
    clients = Clients(config=config_of(kafka, topic_prefix), deadlines=PATIENT)
    attempt = TakeOver(shard=SHARD, clients=clients, clock=Ahead(), gate=asyncio.Semaphore())
    shard = await taken(attempt)
    await shard.kill()
    assert shard.clock_offset == pytest.approx(90, abs=PATIENT.commit)


async def test_a_shard_given_away_before_the_start_is_left_alone(store: KafkaStore, own: Owner) -> None:
    """A late attempt must not fence the rightful owner: nothing is sent."""
    owner = await own(store)
    with pytest.raises(ShardLost) as lost:
        await store.take_over(SHARD, lambda: False)
    assert lost.value.reason == "not_ours"
    await owner.commit(told(owner.state(TENANT), "a"))


async def test_a_shard_given_away_meanwhile_is_not_served_and_nothing_is_left_of_the_attempt(
    store: KafkaStore, own: Owner
) -> None:
    """The second check comes after the read; the producer is dead by then."""
    before = asyncio.all_tasks()
    answers = iter([True, False])
    with pytest.raises(ShardLost) as lost:
        await store.take_over(SHARD, lambda: next(answers))
    assert lost.value.reason == "not_ours"
    await nothing_left(before)
    assert (await own(store)).tenants == {}


async def test_cancelling_a_take_over_leaves_nothing_behind(store: KafkaStore) -> None:
    """A service that is told to end does not wait for its take-overs, at whatever step they are."""
    before, began = asyncio.all_tasks(), time.monotonic()
    await (await taken(store.attempt(SHARD))).kill()
    whole = time.monotonic() - began
    for step in range(STEPS):
        attempt = asyncio.create_task(store.attempt(SHARD).run(lambda: True))
        await asyncio.sleep(whole * step / STEPS)
        attempt.cancel()
        with suppress(asyncio.CancelledError):
            shard = await attempt
            await shard.kill()
    await nothing_left(before)


async def test_cancelling_a_take_over_that_closes_its_reader_leaves_nothing_behind(
    store: KafkaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled in the middle, aiokafka's way out would leave its tasks running: it takes no second attempt."""
    closing, stop = asyncio.Event(), AIOKafkaConsumer.stop

    async def told_and_stopped(consumer: AIOKafkaConsumer) -> None:
        closing.set()
        await stop(consumer)

    monkeypatch.setattr(AIOKafkaConsumer, "stop", told_and_stopped)
    before = asyncio.all_tasks()
    attempt = asyncio.create_task(store.attempt(SHARD).run(lambda: True))
    await closing.wait()
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    await nothing_left(before)


async def test_a_large_state_is_built_whole(store: KafkaStore, own: Owner) -> None:
    """3,000 agents, each changed twice: every row is the newest, and the tenant's number is the last event's."""
    shard = await own(store)
    agents = [f"agent-{number}" for number in range(3000)]
    for _ in range(2):
        await shard.commit(told(shard.state(TENANT), *agents))
    again = await own(store)
    assert again.tenants == shard.tenants
    assert {row.sequence for row in again.state(TENANT).rows.values()} == {2}


async def test_all_shards_are_taken_over_at_once(kafka: str, topic_prefix: str) -> None:
    """A replica that starts alone takes every shard, each within its deadlines though the others are taken beside it.

    One may have to be tried again, as the service does: of topics that were just made 4.3.1 can lose a transaction's end.
    """
    store = store_of(config_of(kafka, topic_prefix, partitions=16))
    await store.start()
    shards = await asyncio.gather(*(taken(store.attempt(number)) for number in range(store.shards)))
    assert [shard.number for shard in shards] == list(range(16))
    await asyncio.gather(*(shard.close() for shard in shards))


async def test_rewritten_rows_are_read_once(store: KafkaStore, own: Owner) -> None:
    """The read keeps the newest record of each key, and of the claims of earlier take-overs none."""
    shard = await own(store)
    for _ in range(5):
        await shard.commit(Update(records=(Record(ROWS, f"{TENANT}|a".encode(), None),)))
    seen: list[list[Stored]] = []

    class Watched(TakeOver):
        async def build(self, restoration: Restoration) -> Any:
            """Note what is built from."""
            seen.append([each for newest in restoration._newest.values() for each in newest.values()])
            return await super().build(restoration)

    attempt = Watched(shard=SHARD, clients=store._clients, clock=SystemClock(), gate=asyncio.Semaphore())
    await (await taken(attempt)).kill()
    assert {(each.topic, each.key, each.value) for each in seen[0]} == {
        (TENANTS, CLAIM_KEY, None),
        (QUEUES, CLAIM_KEY, None),
        (ROWS, CLAIM_KEY, None),
        (ROWS, f"{TENANT}|a".encode(), None),
    }
    assert len(seen[0]) == 4


async def test_a_read_may_take_as_long_as_it_goes_on(
    config: KafkaConfig, own: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much there is, and however slow the machine: what ends a read is that nothing comes any more."""
    store = store_of(config, Deadlines(silence=1.0))
    await store.start()
    shard = await own(store)
    await shard.commit(told(shard.state(TENANT), *(f"agent-{number}" for number in range(60))))
    turns = []

    async def slow(reader: Reader) -> Any:
        turns.append(time.monotonic())
        await asyncio.sleep(0.5)
        return await reader._consumer.getmany(timeout_ms=500, max_records=20)

    monkeypatch.setattr(Reader, "_next", slow)
    again = await own(store)
    assert again.tenants == shard.tenants
    assert turns[-1] - turns[0] > 1.0, "it took longer than a standstill may"
