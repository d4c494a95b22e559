from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from streamer.polling.arc import Arc, next_time

PERIOD = 10.0
moments = st.integers(-500, 500).map(lambda each: each / 10)  # tenths, so that a few of them meet exactly
arcs = st.builds(Arc, moments, st.integers(0, 99).map(lambda each: each / 10))
APART = 0.01


def holds(arc: Arc, moment: float, *, within: float) -> bool:
    """Tell whether a moment lies in an arc, its ends included, that is longer by `within` at both."""
    return (moment - arc.start + within) % PERIOD <= arc.length + 2 * within


@given(arcs, arcs, st.floats(0, 1))
def test_what_lies_in_both_arcs_lies_where_they_meet(one: Arc, other: Arc, part: float) -> None:
    """No moment that both allow is ever lost."""
    moment = one.start + part * one.length
    assume(holds(other, moment, within=0))
    met = one.meet(other, period=PERIOD)
    assert met is not None
    assert holds(met, moment, within=APART)


@given(arcs, arcs, st.floats(0, 1))
def test_what_lies_where_arcs_meet_lies_in_both(one: Arc, other: Arc, part: float) -> None:
    """Unless two parts were left: then the arc stays as it was."""
    met = one.meet(other, period=PERIOD)
    assume(met is not None and met != one)
    assert met is not None
    moment = met.start + part * met.length
    assert holds(one, moment, within=APART)
    assert holds(other, moment, within=APART)


@given(arcs, arcs)
def test_arcs_never_grow(one: Arc, other: Arc) -> None:
    """What was learnt is not forgotten by learning more."""
    met = one.meet(other, period=PERIOD)
    assert met is None or met.length <= one.length + APART


@given(arcs)
def test_the_middle_of_an_arc_lies_in_it_and_its_ends_do_not(arc: Arc) -> None:
    """In whatever period."""
    assume(arc.length > APART)
    assert arc.holds(arc.middle, period=PERIOD)
    assert arc.holds(arc.middle + 3 * PERIOD, period=PERIOD)
    assert not arc.holds(arc.start - APART, period=PERIOD)
    assert not arc.holds(arc.end + APART / 2, period=PERIOD)


@given(moments, moments)
def test_the_next_time_is_within_a_period(moment: float, after: float) -> None:
    """And whole periods away from the moment itself."""
    time = next_time(moment, after=after, period=PERIOD)
    assert after <= time < after + PERIOD + APART
    turns = (time - moment) / PERIOD
    assert turns == pytest.approx(round(turns), abs=1e-9)
