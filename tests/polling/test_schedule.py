from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.polling.schedule import Schedule, make_schedule, share_of
from tests.support.values import NOON

intervals = st.integers(100, 86_400_000)
monotonics = st.floats(0, 1e7)
walls = st.integers(NOON, NOON + 10**10)
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Return a schedule."""
    now, interval = draw(monotonics), draw(intervals)
    first = now + draw(st.floats(0, 1)) * interval / 1000
    return make_schedule(draw(names), first=first, interval=interval, monotonic=now, wall=draw(walls))


@given(schedules(), st.floats(0, 10))
def test_a_tick_is_always_later_than_the_moment_it_follows(schedule: Schedule, intervals_later: float) -> None:
    """A tick is never polled twice, whatever the floats round to; and none is left out."""
    moment = schedule.first + intervals_later * schedule.interval
    tick = schedule.next_after(moment)
    assert moment < tick <= max(moment, schedule.anchor) + schedule.interval * 1.000001
    assert schedule.next_after(tick) == pytest.approx(tick + schedule.interval)


@given(schedules())
def test_the_second_poll_comes_half_an_interval_after_the_first_at_the_earliest(schedule: Schedule) -> None:
    """Between the first poll and the phase there is a pause of half an interval to one and a half."""
    gap = schedule.next_after(schedule.first) - schedule.first
    assert schedule.interval * 0.499999 <= gap <= schedule.interval * 1.500001


@given(schedules(), st.integers(1, 50))
def test_ticks_that_were_missed_are_skipped(schedule: Schedule, late: int) -> None:
    """After any delay one tick comes next, on the same grid: nothing is made up for, and the phase stays."""
    tick = schedule.next_after(schedule.next_after(schedule.first) + (late + 0.5) * schedule.interval)
    assert tick == pytest.approx(schedule.anchor + (late + 1) * schedule.interval)


@given(names, intervals, st.tuples(monotonics, walls), st.tuples(monotonics, walls))
def test_every_replica_would_poll_at_the_same_moments(
    name: str, interval: int, here: tuple[float, int], there: tuple[float, int]
) -> None:
    """The phase is bound to the wall clock: a tenant that moves keeps it."""
    phases = []
    for monotonic, wall in (here, there):
        schedule = make_schedule(name, first=monotonic, interval=interval, monotonic=monotonic, wall=wall)
        phases.append((wall + (schedule.anchor - monotonic) * 1000) % interval)
    apart = abs(phases[0] - phases[1])
    assert min(apart, interval - apart) < 1


def test_a_tenants_share_never_changes() -> None:
    """Releases and replicas agree on it; another hash would move every tenant's polls."""
    assert share_of("acme") == pytest.approx(0.18808506132)


def test_tenants_are_spread_evenly() -> None:
    """Of 1,000 tenants each tenth of an interval gets about a hundred."""
    counts = [0] * 10
    for number in range(1000):
        counts[int(share_of(f"tenant{number:04}") * 10)] += 1
    assert min(counts) > 70
    assert max(counts) < 130
