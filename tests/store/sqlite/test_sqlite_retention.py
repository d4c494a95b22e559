"""Old events go, state stays."""

from __future__ import annotations

import pytest

from streamer.diff.state import TenantState
from streamer.events.record import EVENTS, ROWS, TENANTS
from streamer.store.sqlite import SqliteStore, writer
from tests.store.sqlite.conftest import TENANT, WEEK, SetClock, take_over
from tests.support.narrator import Narrator

HOUR = 3_600_000


async def offsets(store: SqliteStore) -> list[int]:
    return [each.offset async for each in store.read(EVENTS)]


@pytest.fixture
def story() -> Narrator:
    return Narrator(TenantState(tenant=TENANT))


async def test_events_older_than_the_retention_go_and_state_stays(
    store: SqliteStore, clock: SetClock, story: Narrator
) -> None:
    """An agent that has not changed for a year keeps its row."""
    shard = await take_over(store)
    await shard.commit(story.tell("a", "b"))
    clock.now += WEEK
    await shard.commit(story.tell("a"))
    assert await offsets(store) == [1, 2, 3], "exactly as old as the retention is not older"
    clock.now += HOUR - 1
    await shard.commit(story.tell("a"))
    assert await offsets(store) == [1, 2, 3, 4], "no commit within the hour sweeps again"
    clock.now += 1
    await shard.commit(story.tell("a"))
    assert await offsets(store) == [3, 4, 5]
    assert (await take_over(store)).state(TENANT) == story.state
    assert {each.key async for each in store.read(ROWS)} == {b"acme|a", b"acme|b"}


async def test_the_first_commit_of_an_owner_sweeps(store: SqliteStore, clock: SetClock, story: Narrator) -> None:
    """A service that is started again every day lets go of old events too."""
    await (await take_over(store)).commit(story.tell("a", "b"))
    await store.stop()
    clock.now += WEEK + 1
    again = SqliteStore(path=store._path, retention=WEEK, clock=clock)
    await (await take_over(again)).commit(story.tell("a"))
    assert await offsets(again) == [3]
    await again.stop()


async def test_a_sweep_takes_a_bounded_batch_and_the_next_commit_goes_on(
    store: SqliteStore, clock: SetClock, story: Narrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much is due, no commit waits for all of it."""
    monkeypatch.setattr(writer, "SWEEP_ROWS", 4)
    shard = await take_over(store)
    await shard.commit(story.tell(*"abcdefghij"))
    clock.now += WEEK + 1
    left = []
    for _ in range(4):
        await shard.commit(story.tell("a"))
        left.append(len([offset for offset in await offsets(store) if offset <= 10]))
    assert left == [6, 2, 0, 0]


async def test_an_offset_is_never_used_again(store: SqliteStore, clock: SetClock, story: Narrator) -> None:
    """A reader that goes on from an offset misses nothing, even after all events went."""
    shard = await take_over(store)
    await shard.commit(story.tell("a", "b"))
    clock.now += WEEK + 1
    await shard.commit(story.erase("b"))
    assert await offsets(store) == []
    await shard.commit(story.tell("a"))
    assert await offsets(store) == [3]


async def test_tombstones_go_like_events(store: SqliteStore, clock: SetClock, story: Narrator) -> None:
    """Followers have seen them by then; not even an agent's id stays."""
    shard = await take_over(store)
    await shard.commit(story.tell("a", "b"))
    await shard.commit(story.erase("b"))
    assert [each.key async for each in store.read(ROWS) if each.value is None] == [b"acme|b"]
    clock.now += WEEK + 1
    await shard.commit(story.tell("a"))
    assert [each.key async for each in store.read(ROWS)] == [b"acme|a"]
    assert [each.key async for each in store.read(TENANTS)] == [b"acme"]


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_was_written_by_a_clock_that_was_ahead_goes_like_all_else(
    store: SqliteStore, clock: SetClock, story: Narrator, monkeypatch: pytest.MonkeyPatch, *, restarted: bool
) -> None:
    """It is as old as the next commit, at the most: neither it nor what came after it stays until the clock's far day."""
    monkeypatch.setattr(writer, "SWEEP_ROWS", 4)
    shard = await take_over(store)
    clock.ahead = 52 * WEEK
    await shard.commit(story.tell(*"abcdefghi"))
    await shard.commit(story.erase("i"))
    clock.now += HOUR
    clock.ahead = 0
    if restarted:
        shard = await take_over(store)
    await shard.commit(story.tell("a"))
    clock.now += WEEK
    await shard.commit(story.tell("a"))
    assert await offsets(store) == list(range(1, 12)), "exactly as old as the retention is not older"
    clock.now += HOUR
    for _ in range(3):
        await shard.commit(story.tell("a"))
    assert await offsets(store) == [11, 12, 13, 14]
    assert b"acme|i" not in {each.key async for each in store.read(ROWS)}
