from __future__ import annotations

import pytest
from msgspec.structs import replace

from streamer.diff.absence import AbsenceRules
from streamer.diff.state import TenantState
from streamer.model import Snapshot
from tests.support.values import NOON, events, poll, polls, snapshot, status


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


@pytest.mark.parametrize("jump", [20_000, 3_600_000])
def test_by_a_clock_of_ours_that_is_off_nothing_is_older_or_newer(jump: int) -> None:
    """Entries that are reckoned back from it have all moved: no change, neither when it goes wrong nor when it is set."""
    off = AbsenceRules(clock_is_off=True)

    def shown(at: int, code: int, entered: int, wrong: int = 0) -> Snapshot:
        reckoned = status("a", code, (entered - 500 + wrong, entered + 500 + wrong))
        return snapshot(at + wrong, at + wrong + 100, replace(reckoned, basis="time_in_status"))

    state = poll(TenantState(tenant="acme"), shown(0, 4, -9000)).state
    unchanged = poll(state, shown(10_000, 4, -9000, jump), off)
    assert events(unchanged) == []
    assert events(poll(unchanged.state, shown(20_000, 4, -9000))) == []

    changed = poll(unchanged.state, shown(20_000, 9, 15_000, jump), off)
    [event] = events(changed)
    assert (event["change"], event["missed_transitions"], event["current"]["since"]) == ("changed", 0, None)
    for at, wrong in ((30_000, jump), (40_000, 0), (50_000, 0)):
        changed = poll(changed.state, shown(at, 9, 15_000, wrong), off if wrong else None)
        assert events(changed) == []
