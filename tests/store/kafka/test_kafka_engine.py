from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.diff.state import TenantState
from streamer.events.encode import RECORD_LIMIT
from streamer.events.record import CLAIM_KEY, EVENTS, ROWS, TENANTS, Record
from streamer.store import ShardLost, Update
from streamer.store.kafka import KafkaStore
from streamer.store.kafka.client import BATCH_BYTES, Clients
from streamer.store.kafka.guard import Written
from streamer.store.kafka.producer import KafkaEngine, clock_offset
from tests.store.kafka.conftest import (
    PARTITIONS,
    PATIENT,
    SHARD,
    TENANT,
    Ahead,
    Owner,
    config_of,
    guard_of,
    nothing_left,
)
from tests.support.narrator import Narrator
from tests.support.readers import KafkaReader


def narrator() -> Narrator:
    return Narrator(TenantState(tenant=TENANT), shards=PARTITIONS)


async def test_a_client_that_nobody_here_wrote_reads_what_was_committed(
    store: KafkaStore, own: Owner, reader: KafkaReader
) -> None:
    """Keys, values and headers are there byte for byte, on the shard's partition of every topic."""
    shard = await own(store)
    update = narrator().tell("a", "b", "a")
    await shard.commit(update)
    for topic in (EVENTS, ROWS, TENANTS):
        found = [each for each in reader.read(topic) if each.key != CLAIM_KEY]
        written = [each for each in update.records if each.topic == topic]
        assert [(each.key, each.value, each.headers) for each in found] == [
            (each.key, each.value, each.headers) for each in written
        ]
        assert {each.partition for each in found} == {SHARD}


async def test_an_engine_that_was_fenced_loses_the_shard_and_its_records_stay_unseen(
    store: KafkaStore, own: Owner, reader: KafkaReader
) -> None:
    """I1: after a later producer started, an earlier one commits nothing."""
    old, _ = await own(store), await own(store)
    with pytest.raises(ShardLost) as lost:
        await old.commit(narrator().tell("zombie"))
    assert lost.value.reason == "fenced"
    assert reader.read(EVENTS) == []


async def test_an_engine_that_was_fenced_in_the_middle_of_its_transaction_commits_none_of_it(
    store: KafkaStore, own: Owner, reader: KafkaReader
) -> None:
    """The later producer ends the open transaction, and what is sent for it afterwards is refused."""
    old = await own(store)
    guard = guard_of(old)
    send = guard._send

    async def fenced_after_sending(*args: Any) -> Any:
        acks = await send(*args)
        await own(store)
        return acks

    guard._send = fenced_after_sending  # type: ignore[method-assign, assignment]
    with pytest.raises(ShardLost) as lost:
        await old.commit(narrator().tell("zombie"))
    assert lost.value.reason == "fenced"
    assert reader.read(EVENTS) == []


async def test_a_batch_of_the_largest_records_is_committed(store: KafkaStore, own: Owner, reader: KafkaReader) -> None:
    """The topic's limit and the client's are above what an event may measure, however many there are."""
    shard = await own(store)
    size = RECORD_LIMIT - len(b"key-00")
    records = tuple(Record(EVENTS, b"key-%02d" % number, number.to_bytes(1) * size) for number in range(40))
    assert {record.size for record in records} == {RECORD_LIMIT}
    await shard.commit(Update(records=records))
    assert [(each.key, each.value) for each in reader.read(EVENTS)] == [(each.key, each.value) for each in records]
    assert RECORD_LIMIT < BATCH_BYTES


async def test_a_first_snapshot_of_5000_agents_is_one_transaction(
    store: KafkaStore, own: Owner, reader: KafkaReader
) -> None:
    """10,000 records of ordinary size: the deadline is not that of a poll, it grows with what is to be committed."""
    shard = await own(store)
    guard_of(shard)._deadlines = msgspec.structs.replace(PATIENT, commit=0.001, record=0.001)
    records = tuple(Record(topic, b"agent-%d" % n, b"x" * 1000) for n in range(5000) for topic in (EVENTS, ROWS))
    await shard.commit(Update(records=records))
    assert len(reader.read(EVENTS)) == 5000


async def test_a_transaction_too_large_for_its_deadline_says_how_large_and_leaves_nothing(
    store: KafkaStore, own: Owner, reader: KafkaReader
) -> None:
    """Whoever looks why a shard is lost again and again is told; what was sent of it stays unseen."""
    shard = await own(store)
    guard = guard_of(shard)
    guard._deadlines = msgspec.structs.replace(PATIENT, commit=0.1, record=0.0)
    records = tuple(Record(topic, b"%06d" % n, b"x" * 994) for n in range(20_000) for topic in (EVENTS, ROWS))
    with pytest.raises(ShardLost, match="while committing 40000 records of 40000000 bytes in one transaction") as lost:
        await shard.commit(Update(records=records))
    assert lost.value.reason == "timeout"
    await (await own(store)).close()
    assert reader.read(EVENTS) == []


async def test_the_clock_offset_of_a_commit_on_this_machine_is_zero(store: KafkaStore, own: Owner) -> None:
    """The broker reads the same clock as we do, so it stamps the record between our sending and its answer."""
    shard = await own(store)
    await shard.commit(narrator().tell("a"))
    assert shard.clock_offset == pytest.approx(0, abs=0.1)


async def test_a_clock_that_is_ahead_is_seen_at_the_commit(kafka: str, topic_prefix: str, store: KafkaStore) -> None:
    """The broker stamps the records with its own clock, so ours shows."""
    assert store.shards == PARTITIONS
    clients = Clients(config=config_of(kafka, topic_prefix), deadlines=PATIENT)
    engine = KafkaEngine(shard=SHARD, clients=clients, clock=Ahead())
    await engine.start(asyncio.Semaphore())
    committed = await engine.commit([Record(EVENTS, b"a|b", b"{}")])
    await engine.close()
    assert committed.clock_offset == pytest.approx(90, abs=PATIENT.commit)


def written(sent: int, acked: int, *appended: int, kind: int = 1) -> Written:
    acks: list[Any] = [SimpleNamespace(timestamp=at, timestamp_type=kind) for at in appended]
    return Written(sent=sent, acked=acked, acks=acks)


@given(sent=st.integers(0, 2**41), took=st.integers(0, 10_000), real=st.integers(-100_000, 100_000), data=st.data())
def test_the_clock_offset_never_claims_more_than_is_certain(
    sent: int, took: int, real: int, data: st.DataObject
) -> None:
    """It has the sign of the real offset and is never larger, whenever the record was appended in between."""
    appended = data.draw(st.integers(sent, sent + took)) - real
    offset = clock_offset(written(sent, sent + took, appended))
    assert offset is not None
    assert 0 <= offset * (1 if real >= 0 else -1) * 1000 <= abs(real) + 1e-6
    assert abs(real) - took - 1e-6 <= abs(offset) * 1000


def test_the_clock_offset_is_that_of_the_broker_that_is_furthest_off() -> None:
    """Several leaders answer a commit; None where the topics keep the time of creation."""
    assert clock_offset(written(10_000, 11_000, 10_500, 14_000, 9_000)) == -3
    assert clock_offset(written(10_000, 11_000, 5_000, kind=0)) is None
    assert clock_offset(written(10_000, 11_000)) is None


async def test_an_engine_that_was_closed_or_killed_commits_nothing(store: KafkaStore, own: Owner) -> None:
    """Nothing is sent after the end, and ending twice is fine."""
    for end in ("close", "kill"):
        shard = await own(store)
        engine = shard._engine
        await getattr(engine, end)()
        with pytest.raises(ShardLost):
            await engine.commit([Record(EVENTS, b"a|b", b"{}")])
        await engine.close()
        await engine.kill()


async def test_ending_an_engine_leaves_no_task_and_no_connection_behind(store: KafkaStore) -> None:
    """Neither way of ending leaks: a service takes shards over for months."""
    before = asyncio.all_tasks()
    for end in ("close", "kill"):
        shard = await store.take_over(SHARD, lambda: True)
        producer = guard_of(shard)._producer
        await getattr(shard, end)()
        assert not any(connection.connected() for connection in producer.client._conns.values())
    await nothing_left(before)
