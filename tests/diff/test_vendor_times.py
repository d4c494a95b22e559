from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.clock import parse_rfc3339, rfc3339
from streamer.diff.bounds import change_bounds, duration, is_clock_fault
from streamer.diff.state import TenantState
from streamer.model import Interval
from tests.support.values import NOON, events, poll, polls, snapshot, status, window


def test_the_vendors_time_narrows_the_entry_but_not_the_exit() -> None:
    """The entry lies at the vendor's time; how long the old status lasted is still bounded by the polls."""
    plan = polls(
        snapshot(0, 100, status("a", 4, (-500, -400))),
        snapshot(1000, 1100, status("a", 4, (-500, -400))),
        snapshot(2000, 2100, status("a", 9, (1700, 1710))),
    )
    [event] = events(plan)
    assert event["occurred"] == {
        "earliest": rfc3339(NOON + 1700),
        "latest": rfc3339(NOON + 1710),
        "basis": "vendor_since",
    }
    assert event["duration_ms"] == {"min": 1400, "max": 2210}


def test_a_baseline_takes_the_vendors_time_as_since() -> None:
    """It has no earliest all the same: nobody watched before."""
    [event] = events(polls(snapshot(0, 100, status("a", 4, (-500, -400)))))
    assert event["occurred"]["earliest"] is None
    assert event["current"]["since"] == {"earliest": rfc3339(NOON - 500), "latest": rfc3339(NOON - 400)}


def test_the_same_status_entered_later_was_left_and_entered_unseen() -> None:
    """Disjoint and later: at least one transition was missed."""
    plan = polls(snapshot(0, 100, status("a", 4, (-500, -400))), snapshot(1000, 1100, status("a", 4, (600, 700))))
    [event] = events(plan)
    assert (event["change"], event["missed_transitions"], event["late"]) == ("changed", 1, False)


def test_the_same_status_entered_again_may_have_been_shown_before_it_could_be_told_apart() -> None:
    """The second answer's vague time fits the first entry too; so the time that tells them apart is not cut by it."""
    plan = polls(
        snapshot(0, 1000, status("a", 4, (-900, -400))),
        snapshot(1000, 2000, status("a", 4, (-600, 400))),
        snapshot(2000, 3000, status("a", 4, (-300, 1200))),
    )
    [event] = events(plan)
    assert (event["missed_transitions"], event["late"]) == (1, True)
    assert event["occurred"]["earliest"] == event["current"]["since"]["earliest"] == rfc3339(NOON - 300)
    assert event["occurred"]["latest"] == rfc3339(NOON + 1200)
    assert event["duration_ms"]["min"] == 0


def test_an_overlapping_time_of_the_same_status_is_no_news() -> None:
    """A larger number is not a newer one: only disjoint intervals are."""
    plan = polls(snapshot(0, 100, status("a", 4, (-500, -400))), snapshot(1000, 1100, status("a", 4, (-450, -300))))
    assert plan.records == ()


def test_an_older_view_is_ignored_until_it_was_shown_three_times() -> None:
    """A lagging node is not believed at once; the watermark waits meanwhile; then the news is late."""
    new = snapshot(0, 100, status("a", 9, (-100, -90)))
    old = [snapshot(at, at + 100, status("a", 4, (-500, -400))) for at in (1000, 2000, 3000)]
    twice = polls(new, *old[:2])
    assert twice.records == ()
    assert twice.difference is not None
    assert twice.difference.older == 1
    assert twice.state.complete_through == NOON
    [event] = events(polls(new, *old))
    assert (event["change"], event["late"]) == ("changed", True)
    assert event["occurred"]["earliest"] == rfc3339(NOON - 500)


def test_a_lagging_node_between_two_answers_changes_nothing() -> None:
    """New, old, new: the stored status stays."""
    new, old = status("a", 9, (-100, -90)), status("a", 4, (-500, -400))
    plan = polls(snapshot(0, 100, new), snapshot(1000, 1100, old), snapshot(2000, 2100, new))
    assert plan.records == ()
    assert plan.state.complete_through == NOON + 2000


def test_a_time_before_the_polls_bounds_is_published_and_late() -> None:
    """An answer in between should have shown it."""
    plan = polls(
        snapshot(0, 100, status("a", 4, (-500, -400))),
        snapshot(1000, 1100, status("a", 4, (-500, -400))),
        snapshot(2000, 2100, status("a", 9, (200, 210))),
    )
    [event] = events(plan)
    assert (event["late"], event["occurred"]["earliest"]) == (True, rfc3339(NOON + 200))
    assert event["duration_ms"] == {"min": 0, "max": 210 + 500}


def test_a_time_after_the_answer_is_a_fault_of_the_vendors_clock() -> None:
    """The polls' bounds hold then, and the fault is counted."""
    plan = polls(snapshot(0, 100, status("a", 4)), snapshot(1000, 1100, status("a", 9, (5000, 5010))))
    [event] = events(plan)
    assert event["occurred"]["basis"] == "poll_bounds"
    assert plan.difference is not None
    assert plan.difference.clock_faults == 1


@pytest.mark.parametrize("entered", [None, (-5000, -4000), (500, 600), (100, 2500), (9000, 9100)])
@given(start=st.integers(0, 1000), length=st.integers(0, 1000), lower=st.integers(-1000, 500))
def test_bounds_are_never_upside_down(entered: tuple[int, int] | None, start: int, length: int, lower: int) -> None:
    """Whatever the vendor's clock says: earliest <= latest, and late or not before the lower bound."""
    seen, told = window(start, start + length), status("a", 4, entered).entered
    bounds = change_bounds(None if is_clock_fault(told, seen) else told, "vendor_since", NOON + lower, seen)
    assert bounds.earliest is not None
    assert bounds.earliest <= bounds.latest
    assert bounds.late or bounds.earliest >= NOON + lower
    least, most = duration(Interval(NOON - 3000, NOON - 2000), NOON + lower, bounds) or (0, 0)
    assert 0 <= least <= most


moves = st.lists(st.tuples(st.integers(1, 3000), st.sampled_from([1, 3, 4, 9])), min_size=1, max_size=8)


@given(moves=moves, lags=st.lists(st.integers(0, 2500), min_size=12, max_size=12))
def test_a_vendor_with_a_lagging_node_is_told_rightly(moves: list[tuple[int, int]], lags: list[int]) -> None:
    """Each answer shows the truth as it was up to 2.5 s ago: every published entry is true, no promise is broken."""
    truth, at = [(NOON - 60_000, 4)], NOON
    for wait, code in moves:
        at += wait
        if code != truth[-1][1]:
            truth.append((at, code))
    state, promised = TenantState(tenant="acme"), 0
    for number, lag in enumerate(lags):
        now = NOON + number * 1000
        entered, code = [each for each in truth if each[0] <= now - lag][-1]
        own = status("a", code, (entered - NOON, entered - NOON))
        plan = poll(state, snapshot(number * 1000, number * 1000 + 50, own))
        for event in events(plan):
            assert (parse_rfc3339(event["current"]["since"]["earliest"]), event["current"]["vendor"]["code"]) in truth
            earliest = event["occurred"]["earliest"]
            assert event["late"] or earliest is None or parse_rfc3339(earliest) >= promised
        state, promised = plan.state, plan.state.complete_through or 0
