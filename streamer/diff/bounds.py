"""When a change happened, as an interval: from the polls' windows alone, or narrowed by the vendor's own time."""

from __future__ import annotations

from msgspec import Struct

from streamer.model import Basis, Interval, Millis, Window


class Bounds(Struct, frozen=True):
    """When a status was entered (or the agent left). `earliest` is None for a baseline.

    `since` is what is known of the entry, None if nothing. `late`: it lies before the windows that should have shown it.
    """

    earliest: Millis | None
    latest: Millis
    basis: Basis
    since: Interval | None
    late: bool = False


def is_clock_fault(entered: Interval | None, window: Window) -> bool:
    """Tell whether the vendor's time of entry lies after the answer that holds it, or before 1970: its clock is wrong."""
    return entered is not None and not 0 <= entered.earliest <= window.end


def baseline_bounds(entered: Interval | None, basis: Basis, window: Window) -> Bounds:
    """Return the bounds of a status in the first snapshot ever: nothing bounds it from below."""
    if entered is None:
        return Bounds(earliest=None, latest=window.end, basis="poll_bounds", since=None)
    return Bounds(earliest=None, latest=min(entered.latest, window.end), basis=basis, since=entered)


def poll_bounds(lower: Millis, window: Window) -> Bounds:
    """Return the bounds that the polls give.

    `lower` is the start of the last window that showed the old status, `window` the first that shows the new one.
    """
    between = Interval(earliest=lower, latest=max(lower, window.end))
    return Bounds(earliest=between.earliest, latest=between.latest, basis="poll_bounds", since=between)


def change_bounds(
    entered: Interval | None, basis: Basis, lower: Millis, window: Window, *, again: bool = False
) -> Bounds:
    """Return when a status was entered: the polls' bounds, narrowed by the vendor's time if it tells one.

    A vendor's time before the polls' bounds is published as it is, and late: an earlier answer should have shown it.
    `again`: it is the same status as before, left and entered again unseen, and the window that begins at `lower` may
    have shown it already, before the vendor's time told the two apart. Then that window bounds nothing.
    """
    polls = poll_bounds(lower, window)
    if entered is None:
        return polls
    if entered.latest < lower or (again and entered.earliest < lower):
        told = Interval(earliest=entered.earliest, latest=min(polls.latest, entered.latest))
        return Bounds(earliest=told.earliest, latest=told.latest, basis=basis, since=told, late=True)
    narrowed = Interval(earliest=max(lower, entered.earliest), latest=min(polls.latest, entered.latest))
    return Bounds(earliest=narrowed.earliest, latest=narrowed.latest, basis=basis, since=narrowed)


def duration(previous: Interval | None, lower: Millis, bounds: Bounds) -> tuple[Millis, Millis] | None:
    """Return how long the status just left had lasted, at least and at most; None where its entry is unknown.

    `lower` is the start of the last window that showed it. A late change proves that window to be an older view, so
    it proves nothing of how long the status lasted.
    """
    if previous is None:
        return None
    least = 0 if bounds.late else max(0, lower - previous.latest)
    return least, max(least, bounds.latest - previous.earliest)
