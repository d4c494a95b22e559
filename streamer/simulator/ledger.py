"""An agent's times and counts, for statistics of the day and of the last thirty minutes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from streamer.simulator.activity import Activity

DAY_MS = 86_400_000
HALF_HOUR_MS = 1_800_000


class Totals(NamedTuple):
    """Times in ms, and counts of transactions; what an agent has had so far, or in some stretch of time."""

    available: int = 0
    on_break: int = 0
    offline: int = 0
    processing: int = 0
    wrap_up: int = 0
    login: int = 0
    accepted: int = 0
    rejected: int = 0

    def plus(self, added: int, *names: str) -> Totals:
        """Return the totals with so much more of each of these."""
        values = list(self)
        for name in names:
            values[self._fields.index(name)] += added
        return Totals(*values)

    def minus(self, other: Totals) -> Totals:
        """Return what these have more than others."""
        return Totals(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


COLUMNS: Mapping[Activity, Sequence[str]] = {
    Activity.NEVER_LOGGED_IN: (),
    Activity.LOGGED_OUT: (),
    Activity.LOGGED_IN: ("login", "on_break"),
    Activity.ON_BREAK: ("login", "on_break"),
    Activity.AVAILABLE: ("login", "available"),
    Activity.WORK_OFFLINE: ("login", "offline"),
    Activity.OFFERED: ("login",),
    Activity.ON_CALL: ("login", "processing"),
    Activity.BUSY: ("login", "processing"),
    Activity.DIRECT_CALL: ("login", "processing"),
    Activity.ON_EMAIL: ("login", "processing"),
    Activity.WRAP_UP: ("login", "wrap_up"),
}
"""Where the time of an activity is counted."""

OUT = (Activity.NEVER_LOGGED_IN, Activity.LOGGED_OUT)


class Mark(NamedTuple):
    """From `at` on the agent does `activity`; until then there were these totals."""

    at: int
    activity: Activity
    totals: Totals


class Ledger:
    """The marks of the last half hour, and the totals at the last midnight (UTC)."""

    def __init__(self) -> None:
        self._marks: list[Mark] = []
        self._midnight = Totals()

    def enter(self, activity: Activity, *, at: int) -> None:
        """Begin an activity at `at` (ms since the epoch); times never decrease."""
        totals = self._until(at)
        if self._marks:
            last = self._marks[-1]
            if last.at // DAY_MS < at // DAY_MS:
                self._midnight = self._until(at - at % DAY_MS)
            if last.activity is Activity.OFFERED:
                totals = totals.plus(1, "accepted" if activity is Activity.ON_CALL else "rejected")
            if activity is Activity.ON_EMAIL and last.activity is not activity:
                totals = totals.plus(1, "accepted")
        self._marks.append(Mark(at, activity, totals))
        del self._marks[: max(0, self._index(at - HALF_HOUR_MS))]

    def of_day(self, at: int) -> Totals:
        """Since midnight (UTC), as of `at`."""
        midnight = at - at % DAY_MS
        before = self._until(midnight) if midnight > self._marks[-1].at else self._midnight
        return self._until(at).minus(before)

    def of_half_hour(self, at: int) -> Totals:
        """In the thirty minutes before `at`."""
        return self._until(at).minus(self._until(at - HALF_HOUR_MS))

    def _index(self, at: int) -> int:
        return bisect_right(self._marks, at, key=lambda mark: mark.at) - 1

    def _until(self, at: int) -> Totals:
        index = self._index(at)
        if index < 0:
            return self._marks[0].totals if self._marks else Totals()
        mark = self._marks[index]
        return mark.totals.plus(at - mark.at, *COLUMNS[mark.activity])
