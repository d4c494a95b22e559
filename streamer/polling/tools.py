"""What every poller of a process shares."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from msgspec import Struct, field

from streamer.clock import Clock, SystemClock
from streamer.polling.budgets import Budgets
from streamer.polling.first_polls import FirstPolls
from streamer.signals import Observer

GRACE: Final = 1.0
"""Seconds that a source may overrun its deadline before it is cut off."""


class Tools(Struct, frozen=True):
    """The clock, the observer, the budgets of requests under way, the turns of first polls, the randomness of jitter.

    `random` returns numbers in [0, 1). `show_agents`: the observer is told whose changes were published.
    """

    observer: Observer
    clock: Clock = field(default_factory=SystemClock)
    budgets: Budgets = field(default_factory=Budgets)
    first_polls: FirstPolls = field(default_factory=FirstPolls)
    random: Callable[[], float] = random.random
    show_agents: bool = False
