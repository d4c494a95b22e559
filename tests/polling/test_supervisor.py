from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

import pytest

from streamer.polling.keeper import ShardKeeper
from streamer.polling.supervisor import Supervisor
from streamer.store.engine import StoreError
from streamer.store.shard_map import StaticShardMap
from tests.support.clock import running

pytestmark = pytest.mark.looptime


class Told:
    """A shard map that tells what the test puts in."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[frozenset[int]] = asyncio.Queue()

    def tell(self, *shards: int) -> None:
        """Tell the shards that are ours from now on."""
        self.queue.put_nowait(frozenset(shards))

    async def run(self) -> None:
        """There is nobody to talk to."""

    async def changes(self) -> AsyncIterator[frozenset[int]]:
        """Yield what was told."""
        while True:
            yield await self.queue.get()


class Keepers:
    """Keepers that take two seconds to give a shard up, and what they did."""

    def __init__(self) -> None:
        self.history: list[tuple[str, int]] = []
        self.kept: list[int] = []
        self.fails: dict[int, Exception] = {}

    def make(self, number: int) -> ShardKeeper:
        """Make a shard's keeper."""
        return cast("ShardKeeper", _Keeper(lambda: self._run(number)))

    async def _run(self, number: int) -> None:
        assert number not in self.kept, "a shard has one keeper at a time"
        self.kept.append(number)
        self.history.append(("begins", number))
        try:
            if number in self.fails:
                await asyncio.sleep(1)
                raise self.fails[number]
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(2)
            self.history.append(("ends", number))
            self.kept.remove(number)


class _Keeper:
    def __init__(self, run: Callable[[], Awaitable[None]]) -> None:
        self.run = run


async def test_each_shard_of_the_map_has_a_keeper() -> None:
    """All at once, and when cancelled all are given up side by side."""
    keepers = Keepers()
    async with running(Supervisor(shard_map=StaticShardMap([2, 0, 1]), make_keeper=keepers.make).run()):
        await asyncio.sleep(10)
        assert sorted(keepers.kept) == [0, 1, 2]
    assert keepers.kept == []
    assert asyncio.get_running_loop().time() == pytest.approx(12)


async def test_keepers_come_and_go_with_the_map() -> None:
    """A shard that stays is not touched."""
    keepers, told = Keepers(), Told()
    async with running(Supervisor(shard_map=told, make_keeper=keepers.make).run()):
        for shards in ((0, 1), (1, 2), (1,), (1, 3)):
            told.tell(*shards)
            await asyncio.sleep(5)
            assert sorted(keepers.kept) == list(shards)
        assert ("ends", 1) not in keepers.history


async def test_a_shard_that_comes_back_waits_until_it_was_given_up() -> None:
    """Else the old keeper's last signals would come after the new one's, and say that nobody serves it."""
    keepers, told = Keepers(), Told()
    async with running(Supervisor(shard_map=told, make_keeper=keepers.make).run()):
        for shards in ((0,), (), (0,), (), (0,), (), (0,)):
            told.tell(*shards)
            await asyncio.sleep(0.3)
        await asyncio.sleep(10)
        assert keepers.kept == [0]
    assert keepers.history == [("begins", 0), ("ends", 0)] * 2


async def test_what_would_do_harm_ends_all() -> None:
    """One keeper's StoreError ends the others in good order, and comes out."""
    keepers = Keepers()
    keepers.fails[1] = StoreError("another number of partitions")
    with pytest.raises(ExceptionGroup) as caught:
        await Supervisor(shard_map=StaticShardMap(range(4)), make_keeper=keepers.make).run()
    assert caught.group_contains(StoreError, match="another number of partitions")
    assert keepers.kept == []
    assert len(keepers.history) == 8
