from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.polling.phase import Sighting
from streamer.polling.schedule import Schedule, make_schedule
from streamer.polling.timetable import make_timetable
from tests.support.cached_vendor import Cached, Live, Terms, Vendor, poll
from tests.support.values import NOON

HOME = Schedule(first=1.0, anchor=11.0, interval=10.0)


@st.composite
def vendors(draw: st.DrawFn) -> Vendor:
    """Return a vendor of any kind, also with several nodes, a wrong period, and refreshes at random."""
    if draw(st.booleans()):
        phases = draw(st.lists(st.floats(0, 10), min_size=1, max_size=3))
        period, jitter = draw(st.floats(4, 30)), draw(st.sampled_from([0.0, 0.05, 0.5, 5.0]))
        return Cached(phases, period=period, jitter=jitter, seed=draw(st.integers(0, 99)))
    return Live()


@given(vendors(), st.floats(1, 40), st.floats(0, 2))
def test_there_are_never_more_polls_than_ticks_and_never_two_within_half_an_interval(
    vendor: Vendor, interval: float, jitter: float
) -> None:
    """Whatever the vendor does: learning asks it no more often than the config says."""
    sent = poll(vendor, Terms(interval=interval, jitter=jitter), until=100 * interval).sent
    late = 0.002  # a task is woken so much late in this simulation
    gaps = [after - before for before, after in pairwise(sent)]
    assert min(gaps) >= interval / 2 - late
    for number, at in enumerate(sent):
        assert at >= 0.5 + (number - 0.5) * interval - late


@given(st.lists(st.tuples(st.floats(0, 60), st.booleans(), st.integers(0, 2)), min_size=1, max_size=50))
def test_a_poll_comes_when_it_may_and_soon(polls: list[tuple[float, bool, int]]) -> None:
    """Delays, failures and whatever versions lead neither to a poll too soon nor to silence."""
    timetable = make_timetable(HOME, cache=10.0)
    for delay, failed, version in polls:
        before = timetable.due
        moment = before + delay
        timetable = timetable.after(moment, None if failed else Sighting(version, before, before + 0.1))
        assert max(moment, before + 5) <= timetable.due + 1e-6
        assert timetable.due <= max(moment, before) + 25.01


@pytest.mark.parametrize("cache", [0.0, 5.0, 10.0])
def test_without_versions_the_schedule_is_kept_to(cache: float) -> None:
    """No cache, or a source that does not tell one answer from the next: polls stay on the deterministic phase."""
    home = make_schedule("acme", first=4.5, interval=10_000, monotonic=3.0, wall=NOON)
    timetable = make_timetable(home, cache=cache)
    due = [timetable.due]
    for _ in range(50):
        timetable = timetable.after(timetable.due + 0.1, None)
        due.append(timetable.due)
    assert due == pytest.approx([home.first, *(home.anchor + number * 10 for number in range(50))])


def test_a_vendor_without_a_phase_is_polled_by_its_deterministic_phase_again() -> None:
    """Once learning has failed the tenants are spread as before."""
    run = poll(Live(), Terms(), until=2000)
    resting = [at for at, phase in zip(run.sent[1:], run.phases, strict=False) if phase.rest]
    assert len(resting) > 60
    assert {round(at % 10, 1) for at in resting} == {0.5}
