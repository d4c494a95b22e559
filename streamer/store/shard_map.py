"""Which shards are ours. Placement only: a wrong answer costs time, never an event (safety is the engine's)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Protocol


class ShardMap(Protocol):
    """Says which shards this process shall serve, now and whenever that changes."""

    async def run(self) -> None:
        """Take part in the placement until cancelled; then let the others have our shards, at once.

        Raises:
            StoreError: going on could do harm, or would be of no use.

        """

    def changes(self) -> AsyncIterator[frozenset[int]]:
        """Yield the set of our shards: as soon as it is known, then after every change."""


class StaticShardMap:
    """A fixed set of shards: all of them for a single process."""

    def __init__(self, shards: Iterable[int]) -> None:
        """Take the shards' numbers."""
        self._shards = frozenset(shards)

    async def run(self) -> None:
        """Wait: there is nobody to talk to."""
        await asyncio.Event().wait()

    async def changes(self) -> AsyncIterator[frozenset[int]]:
        """Yield the set once; it never changes."""
        yield self._shards
        await asyncio.Event().wait()
