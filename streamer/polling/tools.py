"""What every poller of a process shares."""

from __future__ import annotations

import random
from collections.abc import Callable

from msgspec import Struct, field

from streamer.clock import Clock, SystemClock
from streamer.polling.budgets import Budgets
from streamer.signals import Observer


class Tools(Struct, frozen=True):
    """The clock, the observer, the budgets of requests under way, and the randomness of jitter (numbers in [0, 1))."""

    observer: Observer
    clock: Clock = field(default_factory=SystemClock)
    budgets: Budgets = field(default_factory=Budgets)
    random: Callable[[], float] = random.random
