"""How far a vendor's clock is ahead of ours, learned from the `Date` of its answers.

Times in an answer are assumed to be of the same clock as its `Date` (RFC 9110, 6.6.1).
"""

from __future__ import annotations

from collections import deque
from typing import Final

from msgspec import Struct

from streamer.model import Interval, Millis, Window

RESOLUTION: Final[Millis] = 1000
"""A `Date` has whole seconds, what is finer is cut off."""

REMEMBERED: Final = 60
"""The answers that count: enough to narrow the skew to less than the time on the way, few enough for clocks to drift."""


class Skew(Struct, frozen=True):
    """The vendor's clock minus ours lies in `[least, most]`, in milliseconds."""

    least: Millis
    most: Millis

    def ours(self, at: Millis) -> Interval:
        """Return when it was `at` by the vendor's clock, in ours."""
        return Interval(earliest=at - self.most, latest=at - self.least)


class SkewEstimate:
    """What the last answers tell together. Answers that contradict each other tell of a clock that was set."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._told: deque[Skew] = deque(maxlen=REMEMBERED)

    @property
    def skew(self) -> Skew | None:
        """What is known now; None before the first `Date`."""
        if not self._told:
            return None
        return Skew(least=max(each.least for each in self._told), most=min(each.most for each in self._told))

    def learn(self, date: Millis | None, window: Window) -> None:
        """Take an answer's `Date`, None for none, written at some moment of `window`, in our clock."""
        if date is None:
            return
        told, known = told_by(date, window), self.skew
        if known is not None and (told.least > known.most or told.most < known.least):
            self._told.clear()
        self._told.append(told)


def told_by(date: Millis, window: Window) -> Skew:
    """Return what one answer tells: its clock showed a time in `[date, date + 1 s)` at some moment of `window`."""
    return Skew(least=date - window.end, most=date + RESOLUTION - 1 - window.start)
