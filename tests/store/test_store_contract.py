"""What every store promises, shown on each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import pytest

from streamer.diff.queues import QueuePlan, plan_queues
from streamer.diff.state import TenantState
from streamer.events.record import EVENTS, QUEUES, ROWS, TENANTS, TOPICS, Record, Stored, agent_key, queue_key
from streamer.model import Queue, QueueGauges, QueueSnapshot, Window
from streamer.signals import CommitFinished, ReadAdvanced, RestoreAdvanced, Signal
from streamer.store import ShardLost, Store, StoreError, Update
from tests.store.conftest import Backend, TakeOver, seen
from tests.support.narrator import Narrator, event, tenant_in, tenant_status


def content(
    records: list[Stored] | tuple[Record, ...],
) -> list[tuple[bytes, bytes | None, tuple[tuple[str, bytes], ...]]]:
    """Return of each record what its writer decides."""
    return [(each.key, each.value, each.headers) for each in records]


def narrate(tenant: str, store: Store, *agents: str) -> Update:
    """Return the first transaction of a tenant."""
    return narrator(tenant, store).tell(*agents)


def narrator(tenant: str, store: Store) -> Narrator:
    """Return one who tells a tenant's story from its beginning."""
    return Narrator(TenantState(tenant=tenant), shards=store.shards)


async def test_a_commit_is_visible_whole_and_in_order(store: Store, take_over: TakeOver, tenant: str) -> None:
    """Each topic shows the records of a commit in the order in which they were given."""
    shard = await take_over()
    update = narrate(tenant, store, "a", "b", "c", "a")
    await shard.commit(update)
    written = tuple(each for each in update.records if each.topic == EVENTS)
    assert content(await seen(store, EVENTS)) == content(written)
    assert [each.key for each in await seen(store, TENANTS)] == [tenant.encode()]


async def test_keys_values_and_headers_come_back_byte_for_byte(store: Store, take_over: TakeOver, tenant: str) -> None:
    """Nothing is parsed, reordered or normalised: not even equal, empty or binary headers."""
    shard = await take_over()
    headers = (("ce_id", b"\x00\xff"), ("ce_id", b"again"), ("empty", b""), ("ünïcode", "é".encode()))
    record = Record(EVENTS, f"{tenant}|Ägent|with|bars".encode(), b'{ "odd" :  "spacing\xc3\xa9" }\n', headers)
    await shard.commit(Update(records=(record,)))
    assert content(await seen(store, EVENTS)) == content((record,))


async def test_the_table_keeps_the_last_event_of_each_agent(store: Store, take_over: TakeOver, tenant: str) -> None:
    """A row is its agent's last event, value and headers alike; newer ones replace it."""
    shard = await take_over()
    story = narrator(tenant, store)
    for agents in (("a", "b"), ("a",), ("a", "c")):
        await shard.commit(story.tell(*agents))
    last = {each.key: each for each in await seen(store, EVENTS)}
    rows = {each.key: each for each in await seen(store, ROWS)}
    assert {key: (each.value, each.headers) for key, each in rows.items()} == {
        key: (each.value, each.headers) for key, each in last.items()
    }


async def test_the_state_that_was_committed_is_the_state_that_is_restored(
    store: Store, take_over: TakeOver, tenant: str
) -> None:
    """A new owner knows exactly what the old one knew, of every tenant of the shard."""
    shard = await take_over()
    other = tenant_in(store.shards - 1, store.shards, skip=1)
    stories = [narrator(tenant, store), narrator(other, store)]
    for agents in (("a", "b", "c"), ("b",), ("c", "d")):
        for story in stories:
            await shard.commit(story.tell(*agents))
    known = {story.state.tenant: story.state for story in stories}
    assert shard.tenants == known
    await shard.close()
    again = await take_over()
    assert again.tenants == known


async def test_a_tombstone_erases_a_row_and_readers_see_it(store: Store, take_over: TakeOver, tenant: str) -> None:
    """An erased agent is not restored, and its value is found nowhere in the table's newest records."""
    shard = await take_over()
    story = narrator(tenant, store)
    await shard.commit(story.tell("a", "b"))
    await shard.commit(story.erase("a"))
    newest = {each.key: each.value for each in await seen(store, ROWS)}
    assert newest[agent_key(tenant, "a")] is None
    assert set((await take_over()).state(tenant).rows) == {"b"}


async def test_rows_of_queues_are_kept_restored_and_erased(store: Store, take_over: TakeOver, tenant: str) -> None:
    """They lie beside the agents' rows in a table of their own; neither takes one of the other for its own."""
    shard = await take_over()
    story = narrator(tenant, store)
    await shard.commit(story.tell("a"))
    queues = {each: Queue(each, None, "phone", None, QueueGauges(waiting=2)) for each in ("a", "b|c")}
    plan = look(shard.state(tenant), queues, at=1)
    await shard.commit(Update(records=plan.records, state=plan.state))
    assert content(await seen(store, QUEUES)) == content(plan.records)
    known = shard.state(tenant)
    await shard.close()
    shard = await take_over()
    assert shard.state(tenant) == known
    assert set(known.queues) == {"a", "b|c"}
    del queues["a"]
    state = shard.state(tenant)
    for at in (2, 3, 4):
        plan = look(state, queues, at=at)
        state = plan.state
    await shard.commit(Update(records=plan.records, state=state))
    newest = {each.key: each.value for each in await seen(store, QUEUES)}
    assert newest.keys() == {queue_key(tenant, "a"), queue_key(tenant, "b|c")}
    assert newest[queue_key(tenant, "a")] is None
    again = (await take_over()).state(tenant)
    assert (set(again.rows), set(again.queues)) == ({"a"}, {"b|c"})


def look(state: TenantState, queues: Mapping[str, Queue], *, at: int) -> QueuePlan:
    """Return what an answer leads to that shows these queues."""
    snapshot = QueueSnapshot(window=Window(0, at), queues=queues)
    return plan_queues(state, snapshot, source="s", absent_after=3, now=at)


async def test_taking_over_leaves_no_trace_in_the_state(store: Store, take_over: TakeOver, tenant: str) -> None:
    """However often a shard is taken over, no tenant appears that was not written."""
    for _ in range(3):
        shard = await take_over()
        assert dict(shard.tenants) == {}
    await shard.commit(narrate(tenant, store, "a"))
    assert set((await take_over()).tenants) == {tenant}


async def test_a_later_take_over_fences_the_earlier_engine(store: Store, take_over: TakeOver, tenant: str) -> None:
    """The old owner learns that it lost the shard, and nothing of what it tried to write is ever visible."""
    old = await take_over()
    story = narrator(tenant, store)
    await old.commit(story.tell("a"))
    new = await take_over()
    with pytest.raises(ShardLost):
        await old.commit(Narrator(old.state(tenant), shards=store.shards).tell("zombie"))
    await new.commit(story.tell("b"))
    for topic in TOPICS:
        assert not any(b"zombie" in each.key for each in await seen(store, topic))
    assert set((await take_over()).state(tenant).rows) == {"a", "b"}


async def test_an_engine_that_was_fenced_never_writes_again(store: Store, take_over: TakeOver, tenant: str) -> None:
    """Trying again does not help a zombie; it does not harm the owner either."""
    old, new = await take_over(), await take_over()
    for _ in range(2):
        with pytest.raises(ShardLost):
            await old.commit(narrate(tenant, store, "zombie"))
    await old.kill()
    await new.commit(narrate(tenant, store, "a"))
    assert [each.key for each in await seen(store, EVENTS)] == [agent_key(tenant, "a")]


@pytest.mark.parametrize("delay", [0.0, 0.002, 0.01, 0.03])
async def test_a_commit_killed_in_the_middle_is_there_whole_or_not_at_all(
    store: Store, take_over: TakeOver, tenant: str, delay: float
) -> None:
    """The next owner sees the outcome, whichever it is, and goes on from there without a gap or a double."""
    agents = [f"agent-{number}" for number in range(300)]
    shard = await take_over()
    commit = asyncio.create_task(shard.commit(narrate(tenant, store, *agents)))
    await asyncio.sleep(delay)
    await shard.kill()
    with suppress(ShardLost):
        await commit
    shard = await take_over()
    assert len(shard.state(tenant).rows) in (0, len(agents))
    await shard.commit(Narrator(shard.state(tenant), shards=store.shards).tell("agent-0"))
    assert len(await seen(store, EVENTS)) == shard.state(tenant).sequence
    assert (await take_over()).state(tenant).sequence == shard.state(tenant).sequence


async def test_updates_that_wait_ride_in_one_commit(store: Store, take_over: TakeOver) -> None:
    """What arrives while a transaction is in flight goes into the next one, whoever's it is."""
    shard = await take_over()
    finished: list[Signal] = []
    shard.observer = finished.append
    tenants = [tenant_in(store.shards - 1, store.shards, skip=number) for number in range(20)]
    first = asyncio.create_task(shard.commit(narrate(tenants[0], store, "a")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the first one's transaction has begun
    await asyncio.gather(first, *(shard.commit(narrate(each, store, "a")) for each in tenants[1:]))
    commits = [each for each in finished if isinstance(each, CommitFinished)]
    assert [(each.outcome, each.records) for each in commits] == [("committed", 3), ("committed", 3 * 19)]
    assert set((await take_over()).tenants) == set(tenants)


async def test_closing_finishes_what_is_queued(store: Store, take_over: TakeOver, tenant: str) -> None:
    """A shard that is let go of in good order has written everything that it was given."""
    shard = await take_over()
    story = narrator(tenant, store)
    commits = [asyncio.create_task(shard.commit(story.tell("a"))) for _ in range(5)]
    await asyncio.sleep(0)
    await shard.close()
    await asyncio.gather(*commits)
    with pytest.raises(ShardLost):
        await shard.commit(story.tell("a"))
    assert (await take_over()).state(tenant).sequence == 5


async def test_cancelling_the_caller_takes_nothing_back(store: Store, take_over: TakeOver, tenant: str) -> None:
    """The update is committed and the state moves, whether or not somebody waits."""
    shard = await take_over()
    commit = asyncio.create_task(shard.commit(narrate(tenant, store, "a")))
    await asyncio.sleep(0)
    commit.cancel()
    await shard.close()
    assert set(shard.state(tenant).rows) == {"a"}
    assert set((await take_over()).state(tenant).rows) == {"a"}


async def test_a_following_reader_sees_what_is_committed_and_nothing_else(
    store: Store, take_over: TakeOver, tenant: str
) -> None:
    """Records arrive in order as they are committed; a fenced owner's never do."""
    old = await take_over()
    story = narrator(tenant, store)
    await old.commit(story.tell("a"))
    async with asyncio.timeout(60):
        reader = aiter(store.read(EVENTS, follow=True))
        keys = [(await anext(reader)).key]
        new = await take_over()
        with pytest.raises(ShardLost):
            await old.commit(narrate(tenant, store, "zombie"))
        await new.commit(story.tell("b", "c"))
        keys += [(await anext(reader)).key, (await anext(reader)).key]
        await reader.aclose()  # type: ignore[attr-defined]
    assert keys == [agent_key(tenant, agent) for agent in ("a", "b", "c")]


async def test_a_reader_from_now_on_sees_nothing_older(store: Store, take_over: TakeOver, tenant: str) -> None:
    """`tail` without --from-beginning begins with what comes."""
    shard = await take_over()
    story = narrator(tenant, store)
    await shard.commit(story.tell("old"))
    reader = aiter(store.read(EVENTS, follow=True, from_beginning=False))
    async with asyncio.timeout(60):
        first = asyncio.ensure_future(anext(reader))
        while not first.done():  # from which moment on it reads is its own business
            await shard.commit(story.tell("new"))
            await asyncio.sleep(0.05)
        assert (await first).key == agent_key(tenant, "new")
        await reader.aclose()  # type: ignore[attr-defined]


async def test_a_reader_that_does_not_follow_ends(store: Store, take_over: TakeOver, tenant: str) -> None:
    """It ends at once on an empty topic, and after what was there on another."""
    async with asyncio.timeout(60):
        assert [await seen(store, topic) for topic in TOPICS] == [[] for _ in TOPICS]
        shard = await take_over()
        await shard.commit(narrate(tenant, store, "a"))
        assert [len(await seen(store, topic)) for topic in TOPICS] == [1, 1, 1, 0]


async def test_a_row_that_cannot_be_read_stops_its_tenant_alone(store: Store, take_over: TakeOver, tenant: str) -> None:
    """The tenant has a fault that names the place; the others are restored, and the row stays as it is."""
    shard = await take_over()
    other = tenant_in(store.shards - 1, store.shards, skip=1)
    broken = Record(ROWS, agent_key(tenant, "a"), b'{"sequence": "not a number"')
    await shard.commit(Update(records=(broken, tenant_status(tenant))))
    await shard.commit(narrate(other, store, "a"))
    shard = await take_over()
    assert (shard.state(tenant).fault or "").startswith(f"agent-status[{store.shards - 1}]@")
    assert shard.state(other).fault is None
    assert set(shard.state(other).rows) == {"a"}
    assert [each.value for each in await seen(store, ROWS) if each.key == broken.key] == [broken.value]


async def test_a_key_that_is_none_of_ours_stops_the_take_over(take_over: TakeOver) -> None:
    """Something else writes to the table: going on would be guessing."""
    shard = await take_over()
    await shard.commit(Update(records=(Record(ROWS, b"key-of-another-program", b"{}"),)))
    with pytest.raises(StoreError, match="the key is none of ours"):
        await take_over()


async def test_a_shard_that_is_no_longer_ours_is_not_taken(store: Store) -> None:
    """Ownership is checked before anything is claimed, and again after the state was read."""
    with pytest.raises(ShardLost):
        await store.take_over(store.shards - 1, lambda: False)
    answers = iter([True])
    with pytest.raises(ShardLost):
        await store.take_over(store.shards - 1, lambda: next(answers, False))


async def test_a_store_opened_again_holds_what_was_committed(
    backend: Backend, store: Store, take_over: TakeOver, tenant: str
) -> None:
    """A restart loses nothing and makes nothing up."""
    shard = await take_over()
    story = narrator(tenant, store)
    await shard.commit(story.tell("a", "b"))
    await shard.close()
    await store.stop()
    again = backend()
    await again.start()
    try:
        taken = await again.take_over(again.shards - 1, lambda: True)
        assert taken.tenants == {tenant: story.state}
        await taken.close()
    finally:
        await again.stop()


def test_the_example_event_is_a_valid_record(tenant: str) -> None:
    """The records that this suite writes are those of the product."""
    record, row = event(tenant, "a")
    assert (record.topic, row.topic) == (EVENTS, ROWS)
    assert (record.key, record.value, record.headers) == (row.key, row.value, row.headers)


@pytest.mark.parametrize("follow", [False, True])
async def test_who_reads_a_topic_is_told_how_far_that_is(
    store: Store, take_over: TakeOver, tenant: str, *, follow: bool
) -> None:
    """From the first record to the last that there was, also where the reading goes on."""
    shard = await take_over()
    story = narrator(tenant, store)
    for agents in (("a", "b", "c"), ("b",), ("c", "d")):
        await shard.commit(story.tell(*agents))
    told: list[tuple[int, int | None]] = []
    over = asyncio.Event()

    def observe(signal: Signal) -> None:
        assert isinstance(signal, ReadAdvanced)
        assert signal.topic == EVENTS
        told.append((signal.done, signal.total))
        if signal.done == signal.total:
            over.set()

    async def read() -> int:
        return len([each async for each in store.read(EVENTS, follow=follow, observer=observe)])

    reading = asyncio.create_task(read())
    async with asyncio.timeout(60):
        await over.wait()
        if follow:
            await shard.commit(story.tell("a"))
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
        else:
            assert await reading == 6
    assert told[0] == (0, None)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {total for _, total in told[1:]} == {told[-1][0]}
    assert told[-1][0] >= 6


async def test_a_topic_without_records_is_read_at_once(store: Store) -> None:
    """Nothing of nothing is all."""
    told: list[Signal] = []
    assert [each async for each in store.read(EVENTS, observer=told.append)] == []
    assert told[-1] == ReadAdvanced(topic=EVENTS, done=0, total=0)


async def test_a_take_over_tells_how_far_it_is(store: Store, take_over: TakeOver, tenant: str) -> None:
    """From none to all where it is known how much there is, and never more; records that are superseded count too."""
    shard = await take_over()
    story = narrator(tenant, store)
    for _ in range(3):
        await shard.commit(story.tell("a", "b", "c"))
    await shard.close()
    told: list[RestoreAdvanced] = []

    def observe(signal: Signal) -> None:
        assert isinstance(signal, RestoreAdvanced)
        told.append(signal)

    await (await store.take_over(store.shards - 1, lambda: True, observe)).kill()
    assert told[0] == RestoreAdvanced(shard=store.shards - 1, done=0, total=None)
    assert [each.done for each in told] == sorted(each.done for each in told)
    if (total := told[-1].total) is not None:
        assert told[-1].done == total >= 9
