"""Who may write: the lock says it early, the epoch in the database decides."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from streamer.diff.state import TenantState
from streamer.events.record import EVENTS
from streamer.store import ShardLost, StoreError
from streamer.store.sqlite import SqliteStore
from tests.store.sqlite.conftest import TENANT, OpenStore, take_over
from tests.support.narrator import Narrator


def narrator() -> Narrator:
    return Narrator(TenantState(tenant=TENANT))


async def test_the_lock_is_held_until_the_store_stops(store: SqliteStore, open_store: OpenStore) -> None:
    """Closing the shard keeps the file ours; stopping the store lets go of it, and stopping twice is fine."""
    shard = await take_over(store)
    await shard.close()
    other = open_store()
    with pytest.raises(StoreError, match="is in use by process"):
        await take_over(other)
    await store.stop()
    await store.stop()
    assert (await take_over(other)).tenants == {}


async def test_an_owner_that_has_not_yet_said_its_name_is_an_owner(
    path: Path, store: SqliteStore, open_store: OpenStore
) -> None:
    """The lock counts, not what the file says."""
    await take_over(store)
    path.with_name("streamer.db.lock").write_bytes(b"")
    with pytest.raises(StoreError, match="is in use by a process that has not yet said which"):
        await take_over(open_store())


async def test_without_the_lock_the_epoch_still_admits_one_writer(
    path: Path, store: SqliteStore, open_store: OpenStore
) -> None:
    """Somebody removed the lock file and a second owner came: the first one's next commit is refused."""
    first = await take_over(store)
    path.with_name("streamer.db.lock").unlink()
    second = await take_over(open_store())
    await second.commit(narrator().tell("a"))
    with pytest.raises(ShardLost) as lost:
        await first.commit(narrator().tell("zombie"))
    assert (lost.value.reason, lost.value.detail) == ("fenced", f"{path}: epoch 2 has taken over from 1")
    with pytest.raises(StoreError, match="is in use by process"):
        await take_over(store)
    assert [each.key async for each in store.read(EVENTS)] == [b"acme|a"]


async def test_a_take_over_waits_for_the_commit_that_was_abandoned(path: Path, store: SqliteStore) -> None:
    """Its outcome is seen, not guessed: the state is read after the abandoned transaction has ended (I2, I3)."""
    shard = await take_over(store)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # the commit waits for this lock
    commit = asyncio.create_task(shard.commit(narrator().tell("a")))
    await asyncio.sleep(0.1)
    await shard.kill()
    with pytest.raises(ShardLost, match="killed"):
        await commit
    taking = asyncio.create_task(take_over(store))
    await asyncio.sleep(0.1)
    assert not taking.done()
    other.execute("ROLLBACK")
    other.close()
    assert set((await taking).state(TENANT).rows) == {"a"}


async def test_an_engine_does_nothing_after_a_commit_that_was_not_confirmed(store: SqliteStore) -> None:
    """Cancelled on the way, its outcome is unknown: a further commit could rest on a state that is no longer true."""
    engine = (await take_over(store))._engine
    commit = asyncio.create_task(engine.commit(narrator().tell("a").records))
    await asyncio.sleep(0)
    commit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await commit
    with pytest.raises(ShardLost, match="this engine is over: a commit was not confirmed"):
        await engine.commit(narrator().tell("b").records)
    await engine.close()
    assert set((await take_over(store)).state(TENANT).rows) <= {"a"}


async def test_there_is_one_shard_alone(store: SqliteStore) -> None:
    """Another number is a mistake of the caller's."""
    assert store.shards == 1
    with pytest.raises(ValueError, match="there is no shard 1"):
        await store.take_over(1, lambda: True)


async def test_a_stopped_store_writes_nothing_more(store: SqliteStore) -> None:
    """A shard that outlives its store is lost, and can be closed all the same."""
    shard = await take_over(store)
    await store.stop()
    with pytest.raises(ShardLost):
        await shard.commit(narrator().tell("a"))
    await shard.close()
    assert [each async for each in store.read(EVENTS)] == []
