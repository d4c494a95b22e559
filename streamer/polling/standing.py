"""How a tenant stands with its vendor, who counts requests and failures whichever poller of ours they come from."""

from __future__ import annotations

import math
from collections.abc import Callable

from streamer.clock import Clock
from streamer.config import TenantConfig
from streamer.polling.backoff import Backoff, Decision
from streamer.sources.errors import PollError
from streamer.sources.pace import Pace


class Patience:
    """The failures in a row of what is asked again and again, and until when it is not to be asked."""

    def __init__(self, *, clock: Clock) -> None:
        """Begin without a failure."""
        self.not_before = -math.inf
        self._clock = clock
        self._backoff = Backoff()
        self._wish: str | None = None

    @property
    def wish(self) -> str | None:
        """Why the vendor wants no poll before `not_before`, in one line; None where it said no such thing."""
        return self._wish if self._clock.monotonic() < self.not_before else None

    def ease(self) -> None:
        """Begin anew unless the vendor has a wish: what failed may be mended."""
        if self.wish is None:
            self.succeeded()

    def succeeded(self) -> None:
        """Take note of a good poll."""
        self._backoff, self._wish, self.not_before = Backoff(), None, -math.inf

    def failed(self, error: PollError, *, random: Callable[[], float]) -> Decision:
        """Take note of a poll that failed and return what to do; `random` gives numbers in [0, 1)."""
        self._backoff, decision = self._backoff.after(error, random=random)
        self._wish = str(error) if decision.asked_for else None
        self.not_before = self._clock.monotonic() + decision.delay
        return decision


class Standing(Patience):
    """One tenant's pace, and the vendor's patience with it. Outlives pollers.

    `queues` is the patience with requests for queues, which fail by themselves: agents are polled all the same.
    """

    def __init__(self, config: TenantConfig, *, clock: Clock) -> None:
        """Begin with nothing against the tenant."""
        super().__init__(clock=clock)
        self.pace = Pace(rate=config.rate, clock=clock)
        self.queues = Patience(clock=clock)
        self.source = config.source
        self._account = config.account

    def renewed(self, config: TenantConfig) -> Standing:
        """Return the standing for a new poller: what failed may be mended, but a vendor's wish and the pace hold.

        They hold for the account: of another one nothing is known.
        """
        if (config.source, config.account) != (self.source, self._account):
            return Standing(config, clock=self._clock)
        self.pace.change(config.rate)
        self.ease()
        self.queues.ease()
        return self
