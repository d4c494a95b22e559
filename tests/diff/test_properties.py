from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streamer.clock import parse_rfc3339
from streamer.diff.absence import AbsenceRules
from streamer.diff.state import TenantState
from streamer.model import AgentStatus, Snapshot
from tests.support.values import CODES, NOON, durable, events, poll, restored, snapshot, status

AGENTS = ("a", "b", "c", "d", "é|1")
World = dict[str, int]

worlds = st.dictionaries(st.sampled_from(AGENTS), st.sampled_from([1, 3, 4, 9, 99]))
histories = st.lists(worlds, min_size=1, max_size=12)
rules = st.builds(AbsenceRules, absent_after=st.integers(1, 3))


def taken(number: int, world: World, order: Sequence[str] | None = None) -> Snapshot:
    agents: list[AgentStatus] = [status(agent, world[agent]) for agent in order or world]
    return snapshot(number * 1000, number * 1000 + 100, *agents)


def run(history: Sequence[World], rules: AbsenceRules) -> tuple[TenantState, list[dict[str, Any]], list[Any]]:
    """Poll a history; return the last state, all events, and all that was committed."""
    state, told = TenantState(tenant="acme"), list[dict[str, Any]]()
    records: list[Any] = []
    for number, world in enumerate(history):
        plan = poll(state, taken(number, world), rules)
        state = plan.state
        told += events(plan)
        records += plan.records
    return state, told, records


@given(history=histories, rules=rules)
def test_the_same_snapshot_again_changes_nothing(history: list[World], rules: AbsenceRules) -> None:
    """diff(a, a) is empty, once nobody is missing any more."""
    state, _, _ = run(history, rules)
    again = taken(len(history), {agent: row.status.vendor["code"] for agent, row in state.rows.items() if row.status})
    plan = poll(state, again, rules)
    assert plan.records == ()
    assert poll(plan.state, taken(len(history) + 1, {a: s.significant for a, s in again.agents.items()})).records == ()  # type: ignore[misc]


@given(history=histories)
def test_applying_the_changes_gives_the_new_snapshot(history: list[World]) -> None:
    """With nobody's absence counted, what the events say is what the last snapshot showed."""
    state, told, _ = run(history, AbsenceRules(absent_after=1, accept_shrink_until=NOON * 2))
    shown: World = {}
    for event in told:
        if event["current"] is None:
            del shown[event["agent"]["id"]]
        else:
            shown[event["agent"]["id"]] = event["current"]["vendor"]["code"]
    assert shown == history[-1]
    assert {agent for agent, row in state.rows.items() if row.current is not None} == set(history[-1])


@given(history=histories, rules=rules, data=st.data())
def test_the_order_of_a_snapshot_does_not_matter(
    history: list[World], rules: AbsenceRules, data: st.DataObject
) -> None:
    """Shuffled snapshots give the very same events."""
    straight = shuffled = TenantState(tenant="acme")
    for number, world in enumerate(history):
        order = data.draw(st.permutations(sorted(world)))
        one, other = poll(straight, taken(number, world), rules), poll(shuffled, taken(number, world, order), rules)
        assert events(one) == events(other)
        straight, shuffled = one.state, other.state


@given(history=histories, rules=rules)
def test_chains_are_unbroken_and_numbers_contiguous(history: list[World], rules: AbsenceRules) -> None:
    """Per agent each `previous` is the `current` before; per agent and per tenant the numbers count from 1."""
    _, told, _ = run(history, rules)
    assert [each["tenant_sequence"] for each in told] == list(range(1, len(told) + 1))
    for agent in AGENTS:
        own = [each for each in told if each["agent"]["id"] == agent]
        assert [each["sequence"] for each in own] == list(range(1, len(own) + 1))
        for before, after in pairwise(own):
            assert after["previous"] == before["current"]
            assert after["occurred"]["latest"] >= before["occurred"]["latest"]


@given(history=histories, rules=rules)
def test_the_watermark_never_lies_and_never_falls(history: list[World], rules: AbsenceRules) -> None:
    """Whatever comes later has its earliest time at or after the watermark told before."""
    state, told = TenantState(tenant="acme"), NOON
    for number, world in enumerate(history):
        plan = poll(state, taken(number, world), rules)
        for event in events(plan):
            earliest = event["occurred"]["earliest"]
            assert event["late"] or earliest is None or parse_rfc3339(earliest) >= told
        assert plan.state.complete_through is not None
        assert plan.state.complete_through >= told
        state, told = plan.state, plan.state.complete_through


@given(history=histories, rules=rules)
def test_a_new_owner_reads_the_very_same_rows(history: list[World], rules: AbsenceRules) -> None:
    """The state that polling built in memory and the one restored from the table agree."""
    state, _, records = run(history, rules)
    again = restored(records)
    assert durable(again) == durable(
        TenantState(
            tenant="acme",
            source=CODES.name if state.rows else None,
            rows=state.rows,
            sequence=state.sequence,
            by_state=state.by_state,
        )
    )


@given(history=histories, cut=st.integers(0, 11), rules=rules)
def test_a_take_over_in_the_middle_breaks_no_chain(history: list[World], cut: int, rules: AbsenceRules) -> None:
    """A new owner goes on where the old one was, with only the rows and the watermark."""
    before, told, records = run(history[:cut], rules)
    again = TenantState(
        tenant="acme",
        rows=restored(records).rows,
        sequence=before.sequence,
        by_state=before.by_state,
        complete_through=before.complete_through,
    )
    for number, world in enumerate(history[cut:], start=cut):
        plan = poll(again, taken(number, world), rules)
        again = plan.state
        told += events(plan)
    for agent in AGENTS:
        own = [each for each in told if each["agent"]["id"] == agent]
        assert [each["sequence"] for each in own] == list(range(1, len(own) + 1))
        assert all(after["previous"] == before["current"] for before, after in pairwise(own))
