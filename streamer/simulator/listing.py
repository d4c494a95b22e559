"""Who is listed, and what of them, now and a little while ago."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Any)
V = TypeVar("V")

MAX_AGE_SECONDS = 120
"""How far back a listing knows itself: twice what a cache or a lagging node may be behind."""


class Listing(Generic[K, V]):
    """One tenant's agents by a vendor's id, in its order, each with what the vendor knows of them.

    The past is kept as the list of what to undo, newest last.
    """

    def __init__(self) -> None:
        self._present: dict[K, V] = {}
        self._sorted = True
        self._undo: deque[tuple[int, K, V | None]] = deque()

    def get(self, agent: K) -> V | None:
        """Return what is known of an agent now; null if not listed."""
        return self._present.get(agent)

    def put(self, agent: K, value: V | None, *, at: int) -> None:
        """Show `agent` as `value` from `at` (ms since the epoch) on, or not at all; times never decrease."""
        self._undo.append((at, agent, self._present.get(agent)))
        while self._undo[0][0] < at - MAX_AGE_SECONDS * 1000:
            self._undo.popleft()
        if value is None:
            self._present.pop(agent, None)
            return
        self._sorted = self._sorted and agent in self._present
        self._present[agent] = value

    def at(self, moment: int) -> Mapping[K, V]:
        """Everybody listed at `moment`, by id; what is older than `MAX_AGE_SECONDS` is not known any more."""
        if not self._sorted:
            self._present = dict(sorted(self._present.items()))
            self._sorted = True
        if not self._undo or self._undo[-1][0] <= moment:
            return self._present
        past: dict[K, V] = dict(self._present)
        for at, agent, before in reversed(self._undo):
            if at <= moment:
                break
            if before is None:
                past.pop(agent, None)
            else:
                past[agent] = before
        return dict(sorted(past.items()))
