"""A tenant's `rate`: from one of its requests to the next passes at least so long, whatever they are for."""

from __future__ import annotations

import asyncio
import math
from typing import Final

from streamer.clock import Clock
from streamer.config import Rate
from streamer.sources.errors import PollError

ADVICE: Final = "raise rate if the vendor allows more; else raise timeout, and interval with it"


class Pace:
    """Gives one tenant's requests their turns, evenly spaced; nothing is saved up, so there are no bursts.

    Shared by the tenant's poller, which waits for the first turn of a poll before its time begins to run, and by the
    HTTP client that its source asks with, where every request takes a turn: pages, tokens and repetitions too.
    """

    def __init__(self, *, rate: Rate | None, clock: Clock) -> None:
        """Take the tenant's rate; None never makes anybody wait."""
        self._rate = rate
        self._spacing = rate.interval / 1000 if rate else 0.0
        self._clock = clock
        self._free_at = -math.inf

    def change(self, rate: Rate | None) -> None:
        """Keep to another rate from now on, counted from the last request."""
        spacing = rate.interval / 1000 if rate else 0.0
        self._free_at += spacing - self._spacing
        self._rate, self._spacing = rate, spacing

    async def ready(self) -> None:
        """Wait until the next turn could be had at once; it is not taken."""
        if (wait := self._free_at - self._clock.monotonic()) > 0:
            await asyncio.sleep(wait)

    async def turn(self, *, place: str, deadline: float) -> None:
        """Wait for a turn and take it; `place` names the request in errors, `deadline` is in monotonic seconds.

        Raises:
            PollError: timeout, at once, if the turn would come too late.

        """
        if self._rate is None:
            return
        now = self._clock.monotonic()
        turn = max(now, self._free_at)
        if turn > deadline:
            late = round((turn - deadline) * 1000)
            message = f"{place}: not sent; by the tenant's rate of {self._rate} its turn comes {late} ms too late"
            raise PollError("timeout", message, advice=ADVICE)
        self._free_at = turn + self._spacing  # taken before the wait, for requests that are made side by side
        if turn > now:
            await asyncio.sleep(turn - now)
            self._free_at = max(self._free_at, self._clock.monotonic() + self._spacing)  # woken late, sent late
