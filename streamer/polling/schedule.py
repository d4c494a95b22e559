"""When a tenant is polled: a deterministic phase per tenant, a fixed rate on the monotonic clock, nothing queued."""

from __future__ import annotations

import hashlib
import math

from msgspec import Struct

from streamer.model import Millis


def share_of(tenant: str) -> float:
    """Return a number in [0, 1) that is always the same for a tenant and spreads tenants evenly."""
    digest = hashlib.blake2b(tenant.encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


class Schedule(Struct, frozen=True):
    """The ticks of one tenant on the monotonic clock: `first`, then `anchor`, then one an interval. All in seconds."""

    first: float
    anchor: float
    interval: float

    def next_after(self, moment: float) -> float:
        """Return the first tick later than `moment`: ticks that were missed are skipped, never made up for."""
        if moment < self.first:
            return self.first
        ticks = max(0, math.floor((moment - self.anchor) / self.interval))
        while (tick := self.anchor + ticks * self.interval) <= moment:  # once or twice: floats are not exact
            ticks += 1
        return tick


def make_schedule(tenant: str, *, first: float, interval: Millis, monotonic: float, wall: Millis) -> Schedule:
    """Return a tenant's schedule from now on, `monotonic` and `wall`, with its first poll at `first`, monotonic too.

    The phase is bound to the wall clock, so that every replica would poll at the same moments. It begins
    at the first tick at least half an interval after the first poll.
    """
    seconds = interval / 1000
    tick = monotonic + (share_of(tenant) * interval - wall) % interval / 1000
    while tick < first + seconds / 2:
        tick += seconds
    return Schedule(first=first, anchor=tick, interval=seconds)
