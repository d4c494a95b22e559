"""Vendors that answer from caches, and polls of them in virtual time: how late a change is seen, by how many polls."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple, Protocol

from streamer.polling.phase import Phase, Sighting
from streamer.polling.schedule import Schedule
from streamer.polling.timetable import make_timetable

EVERY: Final = 0.1
"""Seconds between the changes whose delays are counted: so close that their delays have the true distribution."""

SPAN: Final = 40_000.0
"""How long caches are refreshed, in seconds."""


class Vendor(Protocol):
    """Answers at any moment with a version of its data."""

    def read(self, moment: float) -> tuple[Hashable, float]:
        """Return the version and the moment, not later than `moment`, whose truth it shows."""


class Live:
    """A vendor without a cache: each answer is new."""

    def read(self, moment: float) -> tuple[Hashable, float]:
        """Show what is true now."""
        return moment, moment


class Frozen:
    """A vendor whose data never changes."""

    def read(self, moment: float) -> tuple[Hashable, float]:  # noqa: ARG002 - whenever it is
        """Show the beginning."""
        return 0, 0.0


class Cached:
    """Nodes behind a balancer that chooses any of them; each has a cache refreshed at a phase of its own.

    `jitter` is by how many seconds a refresh may be early or late. `restart` is a moment and by how many seconds the
    refreshes from then on come later.
    """

    def __init__(
        self,
        phases: Sequence[float],
        *,
        period: float = 10.0,
        jitter: float = 0.0,
        restart: tuple[float, float] = (0.0, 0.0),
        seed: int = 0,
    ) -> None:
        self._random = random.Random(seed)
        at, later = restart
        counts = range(-3, int(SPAN / period))
        self._nodes = [
            sorted(
                moment + (later if moment > at else 0) + jitter * self._random.uniform(-1, 1)
                for moment in (phase + number * period for number in counts)
            )
            for phase in phases
        ]

    def read(self, moment: float) -> tuple[Hashable, float]:
        """Show one node's cache."""
        node = self._random.randrange(len(self._nodes))
        at = self._nodes[node][bisect_right(self._nodes[node], moment) - 1]
        return (node, at), at


class Terms(NamedTuple):
    """How a vendor is polled: every `interval` seconds, answered after `latency` and up to `jitter` seconds more.

    `cache` is the period that the vendor's document tells, 0 for a vendor that is polled by the plain schedule.
    """

    interval: float = 10.0
    latency: float = 0.05
    jitter: float = 0.1
    cache: float = 10.0
    seed: int = 0


class Run(NamedTuple):
    """What came of it: when requests were sent, how late changes were seen, and the learner after each poll."""

    sent: list[float]
    delays: list[float]
    phases: list[Phase]

    @property
    def share(self) -> float:
        """Return the part of the polls after which there was a proposal."""
        return sum(phase.proposal is not None for phase in self.phases) / max(1, len(self.phases))

    @property
    def mean(self) -> float:
        """Return the mean delay in seconds."""
        return sum(self.delays) / len(self.delays)

    def percentile(self, part: float) -> float:
        """Return the delay that so large a part of all changes does not exceed."""
        return sorted(self.delays)[int(part * (len(self.delays) - 1))]


def poll(vendor: Vendor, terms: Terms, *, until: float, count_from: float = 0.0) -> Run:
    """Poll until a moment; count the delays of the changes from another one on."""
    noise = random.Random(terms.seed)
    schedule = Schedule(first=0.5, anchor=0.5 + terms.interval, interval=terms.interval)
    timetable = make_timetable(schedule, cache=terms.cache)
    sent: list[float] = []
    delays: list[float] = []
    phases: list[Phase] = []
    shown = count_from
    while timetable.due < until:
        asked = timetable.due + 0.002 * noise.random()
        read = asked + terms.latency * 0.3 + terms.jitter * noise.random() * 0.5
        received = read + terms.latency * 0.7 + terms.jitter * noise.random() * 0.5
        version, as_of = vendor.read(read)
        if as_of > shown:
            count = int((as_of - shown) / EVERY)
            delays += [received - (shown + (number + 0.5) * EVERY) for number in range(count)]
            shown += count * EVERY
        sent.append(asked)
        timetable = timetable.after(received, Sighting(version, asked, received))
        if timetable.phase is not None:
            phases.append(timetable.phase)
    return Run(sent, delays, phases)
