"""Files that can't be used, disks that refuse, and what is said about them."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from streamer.clock import SystemClock
from streamer.diff.state import TenantState
from streamer.events.record import EVENTS, QUEUES, ROWS, Record, queue_key
from streamer.store import ShardLost, StoreError, Update
from streamer.store.sqlite import SqliteStore, database
from tests.store.sqlite.conftest import TENANT, WEEK, OpenStore, take_over
from tests.support.narrator import Narrator


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """Let the operating system refuse to let any file grow beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def put(path: Path, data: bytes) -> None:
    """Make a file."""
    path.write_bytes(data)


def content(path: Path) -> bytes:
    """Return what is in a file."""
    return path.read_bytes()


async def refusal(path: Path) -> str:
    """Return why a store on this path does not start."""
    store = SqliteStore(path=path, retention=WEEK, clock=SystemClock())
    try:
        with pytest.raises(StoreError) as refused:
            await store.start()
    finally:
        await store.stop()
    return str(refused.value)


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """Folders are not made up: a wrong path must not hide the data in another place."""
    message = await refusal(tmp_path / "no" / "streamer.db")
    assert message == (
        f"{tmp_path}/no/streamer.db: unable to open database file (SQLITE_CANTOPEN); check the path, and that the "
        "file and its folder can be written by this user"
    )


async def test_a_folder_that_cannot_be_written_is_named() -> None:
    """`/proc` lets nobody make files, not even root."""
    assert (await refusal(Path("/proc/streamer.db"))).startswith("/proc/streamer.db: unable to open database file")


async def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    """The error says what it is, and not a byte of it changes."""
    put(path, b"a letter to a friend\n" * 100)
    assert (await refusal(path)).endswith("the file is no SQLite database: move it away, or use another path")
    assert content(path) == b"a letter to a friend\n" * 100


async def test_the_database_of_another_program_is_left_alone(path: Path) -> None:
    """Even though it could be opened."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE letters (text)")
    before = content(path)
    assert await refusal(path) == f"{path} is the database of another program: use another file"
    assert content(path) == before


async def test_the_file_of_a_newer_release_is_refused(path: Path, store: SqliteStore) -> None:
    """By the owner and by readers alike."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version=2")
    message = (
        f"{path} was written by a newer release: its tables have version 2, this release knows 1. "
        "Upgrade, or use another file"
    )
    assert await refusal(path) == message
    with pytest.raises(StoreError, match="written by a newer release"):
        await take_over(store)
    with pytest.raises(StoreError, match="written by a newer release"):
        await anext(store.read(EVENTS))


async def test_damage_stops_the_take_over(path: Path, store: SqliteStore) -> None:
    """A page of garbage in a table is found when the state is read; the service must not begin from nothing."""
    shard = await take_over(store)
    story = Narrator(TenantState(tenant=TENANT))
    for number in range(40):
        await shard.commit(story.tell(f"agent-{number}"))
    await shard.close()
    with closing(sqlite3.connect(path)) as other:
        (root,) = other.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (ROWS,)).fetchone()
        (size,) = other.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    with pytest.raises(StoreError, match="the file is damaged: move it away, or bring back a copy"):
        await take_over(store)


async def test_a_disk_that_refuses_loses_the_shard_and_no_data(path: Path, store: SqliteStore) -> None:
    """Nothing of the refused commit is there; once the disk takes data again, the shard is taken over and goes on."""
    shard = await take_over(store)
    story = Narrator(TenantState(tenant=TENANT))
    await shard.commit(story.tell("a"))
    with files_limited_to(100_000), pytest.raises(ShardLost) as lost:
        await shard.commit(Narrator(story.state).tell(*(f"agent-{number}" for number in range(100))))
    assert lost.value.reason == "error"
    assert lost.value.detail.startswith(f"{path}: disk I/O error (SQLITE_IOERR")
    with pytest.raises(ShardLost, match="closed after an earlier error"):  # whatever state SQLite was left in
        await store._thread.run(store._writer.write, 1, [])
    await shard.kill()
    again = await take_over(store)
    assert again.state(TENANT) == story.state
    await again.commit(story.tell("b"))
    assert [each.key async for each in store.read(EVENTS)] == [b"acme|a", b"acme|b"]


async def test_a_disk_that_is_full_is_named_so(path: Path, store: SqliteStore) -> None:
    """SQLite's own limit stands for the disk's: the same error, the same way out."""
    shard = await take_over(store)
    connection = store._writer._connection
    assert connection is not None
    await store._thread.run(connection.execute, "PRAGMA max_page_count=1")
    with pytest.raises(ShardLost) as lost:
        await shard.commit(Narrator(TenantState(tenant=TENANT)).tell("a", padding=20_000))
    assert lost.value.detail == f"{path}: database or disk is full (SQLITE_FULL); make room on the disk"
    assert (await take_over(store)).tenants == {}


async def test_a_lock_of_another_program_is_waited_for_and_then_named(
    path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup or a shell that keeps the file locked delays us; it never makes us write beside it."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    shard = await take_over(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ShardLost, match="another program keeps it locked: close that one"):
            await shard.commit(Narrator(TenantState(tenant=TENANT)).tell("a"))
        with pytest.raises(ShardLost, match="refused"):
            await take_over(store)
    assert (await take_over(store)).tenants == {}


async def test_a_reader_says_what_it_misses(path: Path, open_store: OpenStore) -> None:
    """No file, and a file without anything in it."""
    reader = open_store()
    with pytest.raises(StoreError, match="does not exist: check the path, or start the service"):
        await anext(reader.read(EVENTS))
    put(path, b"")
    with pytest.raises(StoreError, match="holds nothing yet"):
        await anext(reader.read(EVENTS))


async def test_headers_that_somebody_edited_are_named(path: Path, store: SqliteStore) -> None:
    """The place is told, not the data."""
    shard = await take_over(store)
    await shard.commit(Narrator(TenantState(tenant=TENANT)).tell("a"))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f'UPDATE "{EVENTS}" SET headers = ?', ("edited",))  # noqa: S608
    with pytest.raises(StoreError, match="the headers of agent-status-changed at offset 1 can't be read"):
        await anext(store.read(EVENTS))


async def test_a_file_of_a_release_without_queues_is_completed(path: Path, open_store: OpenStore) -> None:
    """What is in it stays, and readers find the new table empty."""
    store = open_store()
    await store.start()
    shard = await take_over(store)
    await shard.commit(Narrator(TenantState(tenant=TENANT)).tell("a"))
    known = shard.tenants
    await store.stop()
    with closing(sqlite3.connect(path)) as older:
        older.execute(f'DROP TABLE "{QUEUES}"')
    store = open_store()
    await store.start()
    assert [each async for each in store.read(QUEUES)] == []
    shard = await take_over(store)
    assert shard.tenants == known
    await shard.commit(Update(records=(Record(QUEUES, queue_key(TENANT, "sales"), b"{}"),)))
    assert [each.value async for each in store.read(QUEUES)] == [b"{}"]
