"""Starts and stops the keepers of shards as the shard map says."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

from streamer.polling.keeper import ShardKeeper
from streamer.store.shard_map import ShardMap


class Supervisor:
    """Runs one keeper for each shard that is ours."""

    def __init__(self, *, shard_map: ShardMap, make_keeper: Callable[[int], ShardKeeper]) -> None:
        """Take who says which shards are ours, and who makes a shard's keeper."""
        self._shard_map = shard_map
        self._make_keeper = make_keeper
        self._kept: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self) -> None:
        """Keep our shards until cancelled; then give all of them up, side by side.

        Raises:
            ExceptionGroup: with a StoreError, when a keeper found that going on could do harm.

        """
        keepers: dict[int, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            async for ours in self._shard_map.changes():
                for number in keepers.keys() - ours:
                    keepers.pop(number).cancel()
                for number in sorted(ours - keepers.keys()):
                    keepers[number] = group.create_task(self._keep(number), name=f"shard {number}")

    async def _keep(self, number: int) -> None:
        """Keep a shard; one that comes back waits until our own keeper before has given it up."""
        async with self._kept[number]:
            await self._make_keeper(number).run()
