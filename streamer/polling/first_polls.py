"""When tenants that were just taken over are polled first: soon, and one after the other."""

from __future__ import annotations

from typing import Final

from streamer.polling.schedule import share_of

LATEST: Final = 3.0
"""Seconds after a take-over by which the first poll comes, if the interval is not shorter."""

GAP: Final = 0.01
"""Seconds between two first polls: a few tenants are polled at once, hundreds do not ask together."""


class FirstPolls:
    """Gives out the moments of first polls. One object for all tenants of a process."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._next = 0.0

    def turn(self, tenant: str, *, interval: float, monotonic: float) -> float:
        """Return when to poll a tenant first, within `min(interval, LATEST)` from now. All in seconds.

        Where more tenants wait than turns are left, each comes at its own share of that time.
        """
        bound = min(interval, LATEST)
        turn = max(monotonic, self._next)
        if turn > monotonic + bound:
            return monotonic + share_of(tenant) * bound
        self._next = turn + GAP
        return turn
