from __future__ import annotations

import msgspec

from streamer.clock import rfc3339
from streamer.diff.absence import AbsenceRules
from streamer.diff.state import TenantState
from tests.support.values import NOON, events, poll, polls, restored, snapshot, status


def test_the_first_snapshot_ever_is_the_baseline() -> None:
    """A baseline has no previous, no earliest, and nothing known of when the status was entered."""
    [event] = events(polls(snapshot(0, 100, status("a", 4))))
    assert (event["change"], event["previous"], event["sequence"]) == ("baseline", None, 1)
    assert event["occurred"] == {"earliest": None, "latest": rfc3339(NOON + 100), "basis": "poll_bounds"}
    assert (event["current"]["since"], event["duration_ms"], event["late"]) == (None, None, False)


def test_an_empty_first_snapshot_is_a_snapshot_too() -> None:
    """Who comes after it has appeared: the tenant was seen without them."""
    [event] = events(polls(snapshot(0, 100), snapshot(1000, 1100, status("a", 4))))
    assert event["change"] == "appeared"
    assert event["occurred"]["earliest"] == rfc3339(NOON)


def test_a_change_lies_between_the_last_window_with_the_old_status_and_the_first_with_the_new() -> None:
    """The polls' bounds are the start of the one window and the end of the other."""
    plan = polls(
        snapshot(0, 100, status("a", 4)),
        snapshot(1000, 1100, status("a", 4)),
        snapshot(2000, 2100, status("a", 9)),
    )
    [event] = events(plan)
    assert event["change"] == "changed"
    assert event["occurred"] == {
        "earliest": rfc3339(NOON + 1000),
        "latest": rfc3339(NOON + 2100),
        "basis": "poll_bounds",
    }
    assert event["current"]["since"] == {"earliest": rfc3339(NOON + 1000), "latest": rfc3339(NOON + 2100)}
    assert event["observed"] == {"start": rfc3339(NOON + 2000), "end": rfc3339(NOON + 2100)}
    assert event["detected_at"] == rfc3339(NOON + 2105)


def test_the_duration_of_the_status_just_left_is_bounded_on_both_sides() -> None:
    """At least as long as it was seen, at most from its earliest entry to the latest exit."""
    plan = polls(
        snapshot(0, 100, status("a", 1)),
        snapshot(1000, 1100, status("a", 4)),
        snapshot(2000, 2100, status("a", 4)),
        snapshot(3000, 3100, status("a", 9)),
    )
    [event] = events(plan)
    assert event["duration_ms"] == {"min": 2000 - 1100, "max": 3100 - 0}


def test_a_new_name_or_a_new_counter_is_no_change() -> None:
    """Only the significant fields decide."""
    plan = polls(snapshot(0, 100, status("a", 4, name="A", calls=1)), snapshot(1000, 1100, status("a", 4, name="B")))
    assert plan.records == ()


def test_an_agent_is_gone_after_three_snapshots_without_it() -> None:
    """The event tells of the first snapshot without the agent, not of the one that settled it."""
    seen = [snapshot(at, at + 100, status("a", 4), status("b", 4)) for at in (0, 1000)]
    without = [snapshot(at, at + 100, status("b", 4)) for at in (2000, 3000, 4000)]
    assert polls(*seen, *without[:2]).records == ()
    [event] = events(polls(*seen, *without))
    assert (event["change"], event["current"], event["sequence"]) == ("disappeared", None, 2)
    assert event["previous"]["vendor"]["code"] == 4
    assert event["observed"] == {"start": rfc3339(NOON + 2000), "end": rfc3339(NOON + 2100)}
    assert event["occurred"]["earliest"] == rfc3339(NOON + 1000)
    assert event["occurred"]["latest"] == rfc3339(NOON + 2100)


def test_an_agent_that_was_missing_only_twice_was_never_gone() -> None:
    """Its next change reaches back to the last window that showed it."""
    plan = polls(
        snapshot(0, 100, status("a", 4), status("b", 4)),
        snapshot(1000, 1100, status("b", 4)),
        snapshot(2000, 2100, status("b", 4)),
        snapshot(3000, 3100, status("a", 9), status("b", 4)),
    )
    [event] = events(plan)
    assert event["change"] == "changed"
    assert event["occurred"]["earliest"] == rfc3339(NOON)


def test_a_returning_agent_goes_on_with_its_sequence() -> None:
    """Its row stayed, so its numbers do."""
    gone = [snapshot(at, at + 100, status("b", 4)) for at in (1000, 2000, 3000)]
    plan = polls(
        snapshot(0, 100, status("a", 4), status("b", 4)), *gone, snapshot(4000, 4100, status("a", 9), status("b", 4))
    )
    [event] = events(plan)
    assert (event["change"], event["previous"], event["sequence"]) == ("appeared", None, 3)
    assert event["occurred"]["earliest"] == rfc3339(NOON + 3000)


def test_after_a_take_over_a_change_reaches_back_to_the_watermark() -> None:
    """A new owner knows no windows: it has the watermark and the rows."""
    state = poll(TenantState(tenant="acme"), snapshot(0, 100, status("a", 4))).state
    taken_over = TenantState(
        tenant="acme", rows=state.rows, sequence=state.sequence, complete_through=NOON + 700, by_state=state.by_state
    )
    [event] = events(poll(taken_over, snapshot(9000, 9100, status("a", 9))))
    assert event["occurred"]["earliest"] == rfc3339(NOON + 700)


def test_numbers_of_the_tenant_count_over_all_its_agents() -> None:
    """And they follow the agents' ids, whatever the answer's order was."""
    plan = polls(snapshot(0, 100, status("b", 4), status("a", 4)), snapshot(1000, 1100, status("b", 9), status("a", 9)))
    assert [(each["agent"]["id"], each["tenant_sequence"]) for each in events(plan)] == [("a", 3), ("b", 4)]


def test_an_identical_object_is_not_looked_at_twice() -> None:
    """Decoders hand out the identical object for an unchanged item; then not even its fields are compared."""
    state = poll(TenantState(tenant="acme"), snapshot(0, 100, status("a", 4))).state
    [known] = state.watch.settled.values()
    lying = snapshot(1000, 1100, known)
    assert state.watch.settled["a"] is lying.agents["a"]
    assert poll(state, lying).records == ()


def test_a_mass_disappearance_is_held_back_while_changes_go_on() -> None:
    """Appearances and disappearances wait, changes of known agents do not."""
    many = [status(f"a{number}", 4) for number in range(20)]
    first = poll(TenantState(tenant="acme"), snapshot(0, 100, *many)).state
    few = [status("a0", 9), status("new", 4)]
    held = poll(first, snapshot(1000, 1100, *few), AbsenceRules(absent_after=1))
    assert [(each["agent"]["id"], each["change"]) for each in events(held)] == [("a0", "changed")]
    assert held.difference is not None
    assert held.difference.held == "shrunk"
    assert held.state.complete_through == NOON


def test_a_clock_that_was_set_ends_no_quarantine() -> None:
    """Ten minutes by a wrong clock may be none; once it is right, and they have passed, the disappearance is told."""
    off = AbsenceRules(absent_after=1, clock_is_off=True)
    state = poll(TenantState(tenant="acme"), snapshot(0, 100, *(status(f"a{n}", 4) for n in range(20)))).state
    for start in (1000, 3_600_000):
        plan = poll(state, snapshot(start, start + 100, status("a0", 4)), off)
        state = plan.state
        assert events(plan) == []
    told = poll(state, snapshot(3_700_000, 3_700_100, status("a0", 4)), AbsenceRules(absent_after=1))
    assert {each["change"] for each in events(told)} == {"disappeared"}


def test_an_agent_that_came_during_a_quarantine_appeared_when_it_was_first_shown() -> None:
    """Its lower bound is the last window without it, however long the quarantine lasted."""
    many = [status(f"a{number}", 4) for number in range(20)]
    plan = polls(
        snapshot(0, 100, *many),
        snapshot(1000, 1100, *many[:2], status("new", 4)),
        snapshot(2000, 2100, *many[:2], status("new", 4)),
        snapshot(3000, 3100, *many, status("new", 4)),
    )
    [event] = events(plan)
    assert (event["agent"]["id"], event["change"]) == ("new", "appeared")
    assert event["occurred"]["earliest"] == rfc3339(NOON)


def test_an_agent_that_came_during_a_quarantine_may_have_come_before_another_owner_did() -> None:
    """The new owner knows no windows but those of the rows, and one that showed a change may have shown the agent too."""
    many = [status(f"a{number}", 4) for number in range(20)]
    first = poll(TenantState(tenant="acme"), snapshot(0, 100, *many))
    second = poll(first.state, snapshot(1000, 1100, many[0], status("new", 4)))
    third = poll(second.state, snapshot(2000, 2100, status("a0", 9), status("new", 4)))
    assert third.state.complete_through == NOON
    taken = msgspec.structs.replace(restored(first.records + third.records), complete_through=NOON)
    [event] = events(poll(taken, snapshot(3000, 3100, status("a0", 9), *many[1:], status("new", 4))))
    assert (event["agent"]["id"], event["change"]) == ("new", "appeared")
    assert event["occurred"]["earliest"] == rfc3339(NOON)
