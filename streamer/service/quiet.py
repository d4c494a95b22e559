"""Saying a thing once, not each time it happens again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable

    from streamer.clock import Clock

MOST_THINGS: Final = 100
"""Things said about one subject at most, until it is over or they are old: what a vendor sends must not flood a log."""


class Quiet:
    """Remembers what was said about which subject: a tenant, a shard."""

    def __init__(self, *, clock: Clock, again_after: float) -> None:
        """Let a thing be said again when `again_after` seconds went by since it was last said."""
        self._clock = clock
        self._again_after = again_after
        self._said: dict[Hashable, dict[Hashable, float]] = {}
        self._unsaid: dict[Hashable, dict[Hashable, int]] = {}

    def due(self, about: Hashable, thing: Hashable, *, count: int = 1) -> int:
        """Return 0 if this was said already, else how often it happened since then, `count` included."""
        said = self._said.setdefault(about, {})
        unsaid = self._unsaid.setdefault(about, {})
        now = self._clock.monotonic()
        last = said.get(thing)
        if last is not None and now - last < self._again_after:
            unsaid[thing] = unsaid.get(thing, 0) + count
            return 0
        if last is None and len(said) >= MOST_THINGS:
            oldest = next(iter(said))
            if now - said[oldest] < self._again_after:
                return 0
            del said[oldest]  # else what has ever new words, as asyncio's errors have, would be mute for ever
            unsaid.pop(oldest, None)
        said.pop(thing, None)  # so that they stand in the order in which they were said
        said[thing] = now
        return unsaid.pop(thing, 0) + count

    def over(self, about: Hashable) -> bool:
        """Forget a subject, since what it was about ended; True if anything was said about it."""
        self._unsaid.pop(about, None)
        return bool(self._said.pop(about, None))
