"""8x8 real-time statistics: what `time-in-status` proves although it comes from a cache and in whole seconds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.model import Millis
from tests.sources.realtime_model import CACHE, ROUNDINGS, START, Poll, Rounding, Seen, Stint, history, watch

LATENCY: Millis = 400
"""What an answer takes in these tests, at most."""

PROVEN: Millis = 2 * (CACHE + LATENCY) + 4_000
"""Two entries that lie further apart can't be taken for one: two windows, and a second either way for each."""

steps = st.lists(
    st.tuples(st.integers(200, 90_000), st.sampled_from([0, 2, 4, 4, 9]), st.sampled_from([None, 1726, 1727])),
    min_size=1,
    max_size=12,
)
phases = st.integers(0, CACHE - 1)
roundings = st.sampled_from(ROUNDINGS)


@st.composite
def polls(draw: st.DrawFn, most: int = 40) -> list[Poll]:
    """Polls at some interval, some of them late, the cache looked into at some moment of each."""
    interval, asked, made = draw(st.sampled_from([1_000, 5_000, 10_000, 17_000])), START, []
    for _ in range(draw(st.integers(2, most))):
        latency = draw(st.integers(1, LATENCY))
        made.append(Poll(asked, asked + draw(st.integers(0, latency)), asked + latency))
        asked += interval + draw(st.integers(0, 300))
    return made


def significant(stint: Stint) -> tuple[int, int | None]:
    return stint.code, stint.item


@given(phase=phases, rounding=roundings, polls=polls(), began=st.integers(0, 86_400_000))
def test_the_jitter_of_the_clock_never_makes_a_change(
    phase: int, rounding: Rounding, polls: list[Poll], began: int
) -> None:
    """However old the cache, however the seconds are rounded: one status stays one event, its baseline."""
    entered = START - CACHE - began
    seen = watch([Stint(entered, entered, 4, 1726)], polls, phase=phase, rounding=rounding)
    assert [each.change.kind for each in seen if each.change] == ["baseline"]
    (change,) = (each.change for each in seen if each.change)
    assert change.bounds.since is not None
    assert change.bounds.since.earliest <= entered <= change.bounds.since.latest


@given(steps=steps, runs_on=st.booleans(), phase=phases, rounding=roundings, polls=polls())
@settings(max_examples=300)
def test_every_event_tells_of_a_true_change_and_when_it_was(
    *,
    steps: list[tuple[int, int, int | None]],
    runs_on: bool,
    phase: int,
    rounding: Rounding,
    polls: list[Poll],
) -> None:
    """Whether or not the vendor's clock begins anew with a new reason: no event without a new stint, and in its time."""
    told, before = None, None
    for each in watch(history(steps, runs_on=runs_on), polls, phase=phase, rounding=rounding):
        if before is not None and significant(before) != significant(each.stint):
            assert each.change is not None
        before = each.stint
        if each.change is not None and told is not None:
            assert each.stint != told, "an event for nothing"
            assert_true(each, again=significant(told) == significant(each.stint), runs_on=runs_on)
        told = told if each.change is None else each.stint


def assert_true(seen: Seen, *, again: bool, runs_on: bool) -> None:
    """A change lies within its bounds; where clocks run on, that of the code may be told instead of the reason's.

    Only a status entered `again` may be late: it may have been shown before the clock told it apart.
    """
    assert seen.change is not None
    assert seen.change.missed == int(again)
    bounds = seen.change.bounds
    assert bounds.earliest is not None
    moments = {seen.stint.entered, seen.stint.clock} if runs_on else {seen.stint.entered}
    assert any(bounds.earliest <= moment <= bounds.latest for moment in moments)
    assert again or not bounds.late


@given(
    lasted=st.integers(PROVEN, 200_000),
    away=st.integers(1, 9_000),
    phase=phases,
    rounding=roundings,
    at=st.integers(0, 1),
)
def test_a_status_that_was_left_and_entered_again_unseen_is_told_with_a_transition_missed(
    lasted: int, away: int, phase: int, rounding: Rounding, at: int
) -> None:
    """Ready, gone for some seconds between two refreshes of the cache, ready again: nobody saw it, and yet it is told."""
    refreshed = START + 30_000 + phase
    left = refreshed + at * (CACHE - 1 - away)
    stints = [
        Stint(left - lasted, left - lasted, 0, None),
        Stint(left + 1, left + 1, 4, 801),
        Stint(left + away, left + away, 0, None),
    ]
    polls = [Poll(asked, asked + 20, asked + 50) for asked in range(left - lasted + CACHE, left + 4 * CACHE, CACHE)]
    seen = watch(stints, polls, phase=phase, rounding=rounding)
    changes = [each.change for each in seen if each.change]
    assert {each.stint.code for each in seen} == {0}, "the break was seen by no poll"
    assert [(each.kind, each.missed) for each in changes] == [("baseline", 0), ("changed", 1)]
    bounds = changes[1].bounds
    assert bounds.earliest is not None
    assert bounds.earliest <= left + away <= bounds.latest
    assert bounds.basis == "time_in_status"
    assert not bounds.late or lasted < 2 * PROVEN, "all times before were of the first entry"


def test_a_reason_that_changes_while_the_clock_runs_on_is_told_by_the_polls() -> None:
    """The clock is that of `agent-status`: it says nothing of the reason, and no later answer is taken for an older view."""
    steps = [(30_000, 4, 1726), (60_000, 4, 1727), (60_000, 4, None), (600_000, 0, None)]
    stints = history(steps, runs_on=True)
    polls = [Poll(at, at + 20, at + 50) for at in range(START, START + 240_000, CACHE)]
    seen = watch(stints, polls, phase=3_000, rounding=ROUNDINGS[0])
    changes = [(each.change.bounds, each.stint) for each in seen[1:] if each.change]
    assert [bounds.basis for bounds, _ in changes] == ["poll_bounds", "poll_bounds", "time_in_status"]
    for bounds, stint in changes:
        assert bounds.since is not None
        assert bounds.since.earliest <= stint.entered <= bounds.since.latest
        assert not bounds.late
