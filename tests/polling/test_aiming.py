from __future__ import annotations

import pytest
from msgspec.structs import replace

from streamer.polling.aiming import aim
from streamer.polling.arc import Arc
from streamer.polling.phase import CONFIRMATIONS, Phase, Sighting

SEEN = Sighting(1, 100.5, 100.7)
NARROW = Phase(documented=10.0, interval=10.0, period=10.0, first=SEEN, last=SEEN, arc=Arc(100.0, 0.4))
WIDE = replace(NARROW, arc=Arc(96.4, 4.0))


def test_a_known_phase_is_polled_just_after_the_refresh() -> None:
    """The tick may lie anywhere, and is kept to where the refresh is out of its reach."""
    known = replace(NARROW, confirmed=CONFIRMATIONS)
    assert aim(known, tick=113.0, earliest=108.0) == pytest.approx(110.45)
    assert aim(known, tick=107.0, earliest=102.0) == pytest.approx(110.45)
    assert aim(replace(known, interval=2.0), tick=107.0, earliest=106.0) == 107.0


def test_a_wide_arc_is_halved() -> None:
    """By a poll whose answer is on its way in the arc's middle."""
    assert aim(WIDE, tick=110.5, earliest=105.5) == pytest.approx(108.4 - 0.1)


def test_a_poll_that_would_leave_two_parts_is_not_made() -> None:
    """After one inside the arc the next comes after the arc, and not before its tick."""
    inside = Sighting(1, 98.0, 98.2)
    assert aim(replace(WIDE, first=inside, last=inside), tick=108.0, earliest=103.0) == pytest.approx(110.45)


def test_a_narrow_arc_is_checked_just_before_it() -> None:
    """Early enough to be answered before the arc begins."""
    checked = aim(NARROW, tick=110.5, earliest=105.5)
    assert checked == pytest.approx(110.0 - 0.1 - 0.3)


def test_a_check_that_spans_no_arc_is_not_made() -> None:
    """Two polls a period apart, both just before the refresh, would see different data and prove nothing."""
    before = Sighting(1, 99.5, 99.7)
    assert aim(replace(NARROW, first=before, last=before), tick=109.5, earliest=104.5) == pytest.approx(110.45)


def test_nothing_is_aimed_at_while_resting() -> None:
    """Nor before anything was seen."""
    assert aim(replace(WIDE, rest=1), tick=110.5, earliest=105.5) is None
    assert aim(replace(WIDE, first=None, last=None), tick=110.5, earliest=105.5) is None
