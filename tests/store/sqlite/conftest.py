"""An embedded store on a file of its own, with clocks that the test sets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from streamer.store import Shard
from streamer.store.sqlite import SqliteStore
from tests.support.narrator import BEGIN

WEEK = 7 * 86_400_000
TENANT = "acme"

OpenStore = Callable[[], SqliteStore]
"""Opens one more store on the same file; it is stopped when the test ends."""


class SetClock:
    """Clocks that stand still until they are set; the wall's may be so far `ahead`."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.ahead = 0

    def wall(self) -> int:
        """What was set, in milliseconds."""
        return self.now + self.ahead

    def monotonic(self) -> float:
        """The right time in seconds."""
        return self.now / 1000


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "streamer.db"


@pytest.fixture
async def open_store(path: Path, clock: SetClock) -> AsyncIterator[OpenStore]:
    async with AsyncExitStack() as stack:

        def opened() -> SqliteStore:
            store = SqliteStore(path=path, retention=WEEK, clock=clock)
            stack.push_async_callback(store.stop)
            return store

        yield opened


@pytest.fixture
async def store(open_store: OpenStore) -> SqliteStore:
    """A started store."""
    store = open_store()
    await store.start()
    return store


async def take_over(store: SqliteStore) -> Shard:
    """Take over the one shard."""
    return await store.take_over(0, lambda: True)
