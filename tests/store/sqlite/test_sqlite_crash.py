"""What is left when the process is killed at any moment, and what another process may do beside it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from streamer.events.definition import AgentStatusChanged, TenantStatus
from streamer.events.record import EVENTS, ROWS, TENANTS, Stored
from streamer.store import StoreError
from streamer.store.sqlite import SqliteStore
from tests.store.sqlite.conftest import TENANT, OpenStore, take_over
from tests.support.broker import ROOT
from tests.support.sqlite_committer import AGENTS

ROUNDS = 10


@contextmanager
def committer(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that owns the store; it is killed at the end, whatever happened."""
    command = [sys.executable, "-m", "tests.support.sqlite_committer", str(path), TENANT]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lines(process: subprocess.Popen[str]) -> Iterator[int]:
    """Yield the sequences that the process confirms."""
    assert process.stdout is not None
    return map(int, process.stdout)


async def read(store: SqliteStore, topic: str) -> list[Stored]:
    """Read a topic as `audit` does."""
    return [each async for each in store.read(topic)]  # type: ignore[arg-type]


async def check_whole(store: SqliteStore) -> int:
    """Check that every transaction is there whole or not at all, and return the tenant's sequence."""
    events = await read(store, EVENTS)
    parsed = [msgspec.json.decode(each.value or b"", type=AgentStatusChanged) for each in events]
    assert [each.tenant_sequence for each in parsed] == list(range(1, len(parsed) + 1))
    assert len(parsed) % len(AGENTS) == 0
    for agent in AGENTS:
        own = [each for each in parsed if each.agent.id == agent]
        assert [each.sequence for each in own] == list(range(1, len(own) + 1))
        assert all(after.previous == before.current for before, after in pairwise(own))
    last = {each.key: (each.value, each.headers) for each in events}
    assert {each.key: (each.value, each.headers) for each in await read(store, ROWS)} == last
    (status,) = await read(store, TENANTS)
    assert msgspec.json.decode(status.value or b"", type=TenantStatus).tenant_sequence == len(parsed)
    return len(parsed)


async def test_a_process_killed_ten_times_loses_nothing_and_doubles_nothing(path: Path, open_store: OpenStore) -> None:
    """Every confirmed commit is there, the last one is whole or absent, and the next owner goes on from it."""
    moments = random.Random(20261121)
    found = 0
    for _ in range(ROUNDS):
        with committer(path) as process:
            confirmed = lines(process)
            last = next(confirmed)
            assert last == found, "the next owner restored what is there"
            until = time.monotonic() + moments.uniform(0.02, 0.3)
            while time.monotonic() < until:
                last = next(confirmed)
            process.kill()
            last = max([last, *confirmed])
        found = await check_whole(open_store())
        assert 0 <= found - last <= len(AGENTS), "at most one commit is there that was not confirmed in time"
        assert found > 0


async def test_readers_follow_a_store_that_another_process_writes(path: Path, open_store: OpenStore) -> None:
    """`tail` sees events in order while the service runs, and `audit` sees one moment, whole."""
    reader = open_store()
    with committer(path) as process:
        confirmed = lines(process)
        assert [next(confirmed), next(confirmed)] == [0, len(AGENTS)]
        following = reader.read(EVENTS, follow=True)
        offsets = [(await anext(following)).offset for _ in range(20 * len(AGENTS))]
        await following.aclose()  # type: ignore[attr-defined]
        while next(confirmed) < len(offsets):
            pass
        assert offsets == list(range(1, len(offsets) + 1))
        rows = await read(reader, ROWS)
        assert len(rows) == len(AGENTS), "rows rewritten meanwhile are neither missed nor seen twice"


async def test_a_second_process_is_told_who_owns_the_store(path: Path, open_store: OpenStore) -> None:
    """It learns the process, the host and since when; once that one is gone, the store is free."""
    second = open_store()
    with committer(path) as process:
        next(lines(process))
        with pytest.raises(StoreError) as refused:
            await take_over(second)
        message = str(refused.value)
        assert message.startswith(f"{path} is in use by process {process.pid} on {os.uname().nodename} since 20")
        assert message.endswith("Z: stop that one, or give this one another file")
    await (await take_over(second)).close()
