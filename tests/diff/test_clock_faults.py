from __future__ import annotations

import pytest

from tests.support.values import NOON, events, polls, snapshot, status


@pytest.mark.parametrize("at", [2_001, 10**12, 10**18, -NOON - 1, -(10**15), -(10**18)])
def test_an_impossible_time_of_the_vendors_is_counted_and_not_used(at: int) -> None:
    """After its own answer or before 1970, even on no calendar: the polls' bounds are published, and the poll goes on."""
    plan = polls(
        snapshot(0, 100, status("a", 4), status("b", 4)),
        snapshot(1000, 2000, status("a", 9, (at, at)), status("b", 9)),
    )
    impossible, usual = events(plan)
    assert impossible["occurred"] == usual["occurred"]
    assert impossible["occurred"]["basis"] == "poll_bounds"
    assert plan.difference is not None
    assert plan.difference.clock_faults == 1


def test_an_impossible_time_in_the_first_snapshot_is_not_used_either() -> None:
    """The entry is unknown then."""
    [event] = events(polls(snapshot(0, 100, status("a", 4, (-NOON - 5, -NOON - 1)))))
    assert (event["current"]["since"], event["occurred"]["basis"]) == (None, "poll_bounds")
