"""What to do after a poll: how long to wait beyond the schedule, and what it says of the tenant's health.

A decision is a value; nothing here waits. The poll loop itself is the retry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from streamer.events.definition import Health
from streamer.sources.errors import PollError

PARKED_AFTER: Final = 2
"""So many refusals (401, 403) in a row park a tenant: going on could lock the vendor's account."""

DOWN_AFTER: Final = 2
"""So many failures in a row make a tenant's health `failing`: a single one is soon made good and worth no alarm."""

PARKED_FOR: Final = 300.0
BASE: Final = 1.0
LONGEST: Final = 60.0
LONGEST_WHEN_THROTTLED: Final = 300.0

_REFUSED: Final[dict[str, Health]] = {"auth_failed": "auth_failed", "not_enabled": "not_enabled"}
_THROTTLED: Final = frozenset({"rate_limited", "server_busy"})


class Decision(Struct, frozen=True):
    """Wait `delay` seconds at least until the next tick; the tenant's `health` is now so, None: as it was.

    `asked_for`: it is the vendor who wants to be left alone so long, whatever is mended on our side.
    """

    delay: float
    health: Health | None
    asked_for: bool = False


class Backoff(Struct, frozen=True):
    """How many polls failed in a row, and how many of them in a row were refused."""

    failures: int = 0
    refusals: int = 0

    def after(self, error: PollError, *, random: Callable[[], float]) -> tuple[Backoff, Decision]:
        """Return the state after one more failure and what to do; `random` gives numbers in [0, 1).

        Full jitter: anything between nothing and the bound, which doubles with each failure. `Retry-After` is a lower
        bound, with up to 10 % on top so that tenants do not come back all at once.
        """
        refused = _REFUSED.get(error.outcome)
        after = Backoff(failures=self.failures + 1, refusals=0 if refused is None else self.refusals + 1)
        if refused is not None and after.refusals >= PARKED_AFTER:
            return after, Decision(delay=max(PARKED_FOR, error.retry_after or 0.0), health=refused)
        if error.retry_after is not None:
            return after, Decision(delay=error.retry_after * (1 + 0.1 * random()), health="failing", asked_for=True)
        throttled = error.outcome in _THROTTLED
        bound = min(LONGEST_WHEN_THROTTLED if throttled else LONGEST, BASE * 2 ** min(after.failures, 16))
        health: Health | None = "failing" if after.failures >= DOWN_AFTER else None
        return after, Decision(delay=bound * random(), health=health, asked_for=throttled)
