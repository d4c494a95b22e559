"""Arcs of a circle: in which part of a period something happens that happens once in every period."""

from __future__ import annotations

from msgspec import Struct


class Arc(Struct, frozen=True):
    """The moments from `start` on for `length` seconds, and the same one period later, and so on.

    `start` may be any of the moments at which the arc begins; `length` is less than the period.
    """

    start: float
    length: float

    @property
    def middle(self) -> float:
        """Return a moment in the middle of the arc."""
        return self.start + self.length / 2

    @property
    def end(self) -> float:
        """Return a moment at which the arc ends."""
        return self.start + self.length

    def holds(self, moment: float, *, period: float) -> bool:
        """Tell whether the moment lies inside the arc, in whatever period; its ends do not count."""
        return 0 < (moment - self.start) % period < self.length

    def meet(self, other: Arc, *, period: float) -> Arc | None:
        """Return the part that lies in both arcs, None if there is none.

        Where `other` covers both ends of this arc and leaves out its middle, the whole arc is returned: two parts are
        no arc.
        """
        ahead = (other.start - self.start) % period
        head = min(self.length, ahead + other.length - period)  # how far `other`, coming round, reaches into this arc
        tail = ahead <= self.length
        if head >= 0 and tail:
            return self
        if tail:
            return Arc(self.start + ahead, min(self.length - ahead, other.length))
        return Arc(self.start, head) if head >= 0 else None


def next_time(moment: float, *, after: float, period: float) -> float:
    """Return the first time not before `after` at which what happens at `moment` and once a period happens."""
    return after + (moment - after) % period
