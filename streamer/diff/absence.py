"""Absence is not a disappearance.

An agent is gone after several snapshots in a row without it, and what a snapshot says that lacks many agents at once
is held back until it proves to be no fault of the vendor's.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

from msgspec import Struct

from streamer.diff.state import Hold, Pending
from streamer.model import Millis, Window

HOLD_FOR: Final[Millis] = 10 * 60 * 1000
"""How long the set of missing agents must not have shrunk until a mass disappearance is believed."""

MISSING_AT_LEAST: Final = 5
MISSING_SHARE: Final = 0.2


class AbsenceRules(Struct, frozen=True):
    """`absent_after`: snapshots in a row without an agent until it is gone. `accept_shrink_until`: see the config.

    With `clock_is_off` no quarantine ends because time has passed: by a clock that was set it may not have. Nor does
    anything follow from times of entry that are reckoned by it.
    """

    absent_after: int = 3
    accept_shrink_until: Millis | None = None
    clock_is_off: bool = False


def count_missing(before: Pending | None, lower: Millis, window: Window) -> Pending:
    """Return what is pending of an agent that this snapshot lacks once more."""
    if before is None or before.first_missing is None:
        return Pending(lower=lower, missing=1, first_missing=window)
    return Pending(lower=before.lower, missing=before.missing + 1, first_missing=before.first_missing)


def quarantine(
    before: Hold | None,
    missing: AbstractSet[str],
    *,
    live: int,
    window: Window,
    rules: AbsenceRules,
) -> Hold | None:
    """Return the hold under which this snapshot's appearances and disappearances are kept back, None if none is.

    `missing` are the agents with a current status that the snapshot lacks, `live` is how many there are.
    """
    if len(missing) < live and len(missing) <= max(MISSING_AT_LEAST, MISSING_SHARE * live):
        return None
    if not missing or (rules.accept_shrink_until is not None and window.end < rules.accept_shrink_until):
        return None
    if before is None or not before.missing <= missing:
        return Hold(since=window.end, missing=frozenset(missing))
    if window.end - before.since >= HOLD_FOR and not rules.clock_is_off:
        return None
    return Hold(since=before.since, missing=frozenset(missing))
