"""Learning when a vendor's cache is refreshed, so that polls can come just after it. Pure: values in, values out.

Two answers with the same data tell that the cache was not refreshed between them; two that differ, less than a period
apart, tell that it was. Each pair leaves an arc of the period in which the refresh can lie, and the arcs are
intersected. Which polls tell most is for `aiming.py`.

A narrow arc is believed only once it was confirmed: a poll just before it has shown the same data as one just after
it, most of a period earlier. A vendor without a cache, with a jittery one, or with several nodes fails that.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from streamer.polling.arc import Arc, next_time

NARROW: Final = 1 / 20
"""An arc of this part of the period is narrow enough to poll just after it."""

CONFIRMING: Final = 1 / 6
"""Answers with the same data confirm a narrow arc if they leave no more than this part of the period unseen."""

SLACK: Final = 1 / 200
"""The part of the period by which a refresh may be early or late without contradicting what was learnt."""

CONFIRMATIONS: Final = 2
"""So many confirmations make a proposal; after twice as many a contradiction counts as the first one again."""

CHECK_AFTER: Final = 16
CHECK_DOUBLED: Final = 3
"""Refreshes from one confirmation to the next once there is a proposal, and how often that is doubled. A check comes
before the refresh, so what that refresh brought is seen one poll later."""

PATIENCE: Final = 40
"""Refreshes after which learning has failed if there is no proposal by then."""

REST: Final = 60
QUADRUPLED: Final = 3
"""Refreshes to be left alone after the second failure in a row; four times as many with each further one, so often.
That is off, but for a look twice a day. All these are counted in polls, if there are fewer."""

DRIFT: Final = 1 / 50
"""The part by which the true period may differ from the one in the vendor's document."""


class Sighting(Struct, frozen=True):
    """Which version of the vendor's data a poll saw; when it was sent and answered, in monotonic seconds."""

    version: Hashable
    sent: float
    received: float


class Phase(Struct, frozen=True):
    """What is known of the moment at which one cache is refreshed. All in monotonic seconds.

    `documented` is the cache's period by the vendor's document, `period` what it turned out to be. `first` and `last`
    are the first and the last sighting of the data seen last. `arc` is where the refresh can lie, None: anywhere.
    `anchor` is where it was when the period was measured last. `polls` counts since the last confirmation or failure,
    `rest` those for which nothing is to be learnt.
    """

    documented: float
    interval: float
    period: float
    first: Sighting | None = None
    last: Sighting | None = None
    arc: Arc | None = None
    anchor: float | None = None
    confirmed: int = 0
    polls: int = 0
    failures: int = 0
    rest: int = 0

    @property
    def proposal(self) -> Arc | None:
        """Return where the refresh lies, None if that is not certain enough to rely on."""
        return self.arc if self.confirmed >= CONFIRMATIONS else None

    @property
    def narrow(self) -> bool:
        """Tell whether the arc need not be narrower."""
        return self.arc is not None and self.arc.length <= self.period * NARROW

    @property
    def check_due(self) -> bool:
        """Tell whether a narrow arc is to be confirmed, for the first time or again."""
        if self.confirmed < CONFIRMATIONS:
            return True
        doubled = 2.0 ** min(CHECK_DOUBLED, self.confirmed - CONFIRMATIONS)
        return self.polls >= CHECK_AFTER * doubled * self.per_refresh

    @property
    def per_refresh(self) -> float:
        """Return how many polls there are between two refreshes, 1 if fewer."""
        return max(1.0, self.documented / self.interval)

    def saw(self, now: Sighting | None) -> Phase:
        """Return what is known after one more poll; None for one that failed or was told no version."""
        if now is None:
            return self
        same = self.last is not None and self.last.version == now.version
        seen = replace(self, first=self.first if same else now, last=now)
        if self.rest or self.first is None or self.last is None:
            return replace(seen, rest=max(0, self.rest - 1))
        seen, slack = replace(seen, polls=self.polls + 1), self.period * SLACK
        start, end = (now.sent, self.first.received + self.period) if same else (self.last.sent, now.received)
        if end + 2 * slack < start:
            return _failed(seen)  # the data outlived a whole period: it has no phase, or its version tells nothing
        evidence = Arc(start - slack, end - start + 2 * slack)
        if evidence.length >= self.period:
            return _waited(seen)
        return _learnt(seen, evidence, telling=same and evidence.length <= self.period * CONFIRMING)


def phase_of(*, period: float, interval: float) -> Phase | None:
    """Return a learner for a cache with that period, in seconds; None without a cache, or if polls are too rare."""
    learnable = 0 < interval / 2 < period * (1 - NARROW)
    return Phase(documented=period, interval=interval, period=period) if learnable else None


def _learnt(phase: Phase, evidence: Arc, *, telling: bool) -> Phase:
    """Take an arc in which the refresh lies. `telling`: it is narrow, and rests on data that stayed the same."""
    arc = evidence if phase.arc is None else phase.arc.meet(evidence, period=phase.period)
    if arc is None:
        # what is telling shows where the refresh has moved to; anything else only that it has moved
        return _measured(_confirmed(phase, evidence, 1)) if telling else _failed(phase)
    after = replace(phase, arc=arc)
    if not telling or not after.narrow:
        return _waited(after)
    after = _confirmed(after, arc, phase.confirmed + 1)
    return _measured(after) if after.confirmed == CONFIRMATIONS else after


def _confirmed(phase: Phase, arc: Arc, times: int) -> Phase:
    """Return what is known once an arc was confirmed so often; the arc is told by its latest moments."""
    latest = phase.last.sent if phase.last is not None else arc.start
    arc = Arc(next_time(arc.start, after=latest - phase.period, period=phase.period), arc.length)
    failures = 0 if times >= 2 * CONFIRMATIONS else phase.failures
    return replace(phase, arc=arc, confirmed=times, polls=0, failures=failures)


def _measured(phase: Phase) -> Phase:
    """Return what is known with the period that the arc's move since last time tells, if that is long enough ago."""
    if phase.arc is None or phase.anchor is None:
        return replace(phase, anchor=phase.arc.middle if phase.arc is not None else None)
    turns = round((phase.arc.middle - phase.anchor) / phase.period)
    if turns < CHECK_AFTER:
        return phase
    measured = (phase.arc.middle - phase.anchor) / turns
    sane = abs(measured / phase.documented - 1) <= DRIFT
    return replace(phase, anchor=phase.arc.middle, period=measured if sane else phase.period)


def _waited(phase: Phase) -> Phase:
    """Give up on what can't be learnt."""
    impatient = phase.polls >= PATIENCE * phase.per_refresh
    return _failed(phase) if impatient and phase.confirmed < CONFIRMATIONS else phase


def _failed(phase: Phase) -> Phase:
    """Return what is left after a contradiction: nothing; after the second in a row nothing is learnt for a while."""
    refreshes = 0 if phase.failures == 0 else REST * 4 ** min(phase.failures - 1, QUADRUPLED)
    rest = round(refreshes * phase.per_refresh)
    after = replace(phase, arc=None, confirmed=0, polls=0, failures=phase.failures + 1, rest=rest)
    return replace(after, anchor=None, period=phase.documented) if rest else after
