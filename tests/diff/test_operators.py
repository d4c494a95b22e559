from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamer.diff.operators import forget, forget_agents, resync, sweep
from streamer.diff.state import TenantState
from streamer.model import Meaning
from tests.support.values import CODES, LABELS, NOON, Codes, events, poll, polls, restored, snapshot, status


class Remapped(Codes):
    """The same codes under a mapping of tomorrow."""

    def interpret(self, vendor: Mapping[str, Any]) -> Meaning:
        """Refine every state."""
        return Meaning(state=LABELS[vendor["code"]], detail="tomorrow")


def three() -> TenantState:
    """Return a tenant with two present agents and one that left."""
    both = [status("a", 4), status("b", 9)]
    without = [snapshot(at, at + 100, *both) for at in (1000, 2000, 3000)]
    return polls(snapshot(0, 100, *both, status("gone", 4)), *without).state


def test_a_resync_repeats_every_present_agent_under_todays_mapping() -> None:
    """Same vendor status, `since` kept; no time of its own, nothing missed; agents that left are left alone."""
    state = three()
    plan = resync(state, "2026-11", vocabulary=Remapped(), names=True, now=NOON + 9000)
    told = events(plan)
    assert [(each["agent"]["id"], each["change"], each["sequence"]) for each in told] == [
        ("a", "resync", 2),
        ("b", "resync", 2),
    ]
    for event in told:
        assert event["current"]["detail"] == "tomorrow"
        assert event["current"]["vendor"] == event["previous"]["vendor"]
        assert event["current"]["since"] == event["previous"]["since"]
        assert (event["occurred"], event["duration_ms"], event["missed_transitions"]) == (None, None, 0)
    assert plan.state.resync == "2026-11"


def test_polling_goes_on_after_a_resync_as_if_nothing_was() -> None:
    """The resync is no sighting: the next change reaches back to the last poll."""
    state = resync(three(), "t", vocabulary=CODES, names=True, now=NOON + 9000).state
    plan = poll(state, snapshot(10_000, 10_100, status("a", 4), status("b", 4)))
    [event] = events(plan)
    assert (event["sequence"], event["tenant_sequence"]) == (3, state.sequence + 1)
    assert poll(plan.state, snapshot(11_000, 11_100, status("a", 4), status("b", 4))).records == ()


def test_a_forgotten_tenant_has_no_rows_but_its_numbers_go_on() -> None:
    """And whoever polls it again begins with a baseline."""
    state = three()
    erasure = forget(state)
    assert (erasure.erased, erasure.plan.state.rows, erasure.plan.state.live) == (3, {}, 0)
    assert all(each.value is None for each in erasure.plan.records)
    [event] = events(poll(erasure.plan.state, snapshot(10_000, 10_100, status("a", 4))))
    assert (event["change"], event["sequence"], event["tenant_sequence"]) == ("baseline", 1, state.sequence + 1)


def test_only_agents_that_left_can_be_forgotten_one_by_one() -> None:
    """A present one would be back with the next poll; an unknown one is forgotten already."""
    erasure = forget_agents(three(), ["a", "gone", "nobody"])
    assert (erasure.erased, erasure.refused) == (1, 1)
    assert set(erasure.plan.state.rows) == {"a", "b"}


def test_a_forgotten_agent_that_returns_begins_anew() -> None:
    """Nothing of it is known any more."""
    state = forget_agents(three(), ["gone"]).plan.state
    plan = poll(state, snapshot(10_000, 10_100, status("a", 4), status("b", 9), status("gone", 9)))
    [event] = events(plan)
    assert (event["change"], event["sequence"]) == ("appeared", 1)


def test_rows_of_agents_that_left_long_ago_are_swept() -> None:
    """Present agents stay, however long ago they changed."""
    state = three()
    assert sweep(state, before=NOON).erased == 0
    erasure = sweep(state, before=NOON + 60_000)
    assert (erasure.erased, set(erasure.plan.state.rows)) == (1, {"a", "b"})


def test_what_was_erased_does_not_come_back_with_a_new_owner() -> None:
    """Tombstones are what the store keeps of it."""
    records = [*poll(TenantState(tenant="acme"), snapshot(0, 100, status("a", 4))).records]
    state = restored(records)
    assert set(state.rows) == {"a"}
    assert restored([*records, *forget(state).plan.records]).rows == {}
