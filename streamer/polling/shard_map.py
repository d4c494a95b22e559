"""Which shards are ours. Placement only: a wrong answer costs time, never an event (safety is the store's)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Protocol


class ShardMap(Protocol):
    """Says which shards this process shall serve, now and whenever that changes."""

    def changes(self) -> AsyncIterator[frozenset[int]]:
        """Yield the set of our shards: at once, then after every change."""


class StaticShardMap:
    """A fixed set of shards: all of them for a single process."""

    def __init__(self, shards: Iterable[int]) -> None:
        """Take the shards' numbers."""
        self._shards = frozenset(shards)

    async def changes(self) -> AsyncIterator[frozenset[int]]:
        """Yield the set once; it never changes."""
        yield self._shards
        await asyncio.Event().wait()
