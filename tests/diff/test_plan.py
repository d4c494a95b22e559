from __future__ import annotations

import orjson

from streamer.diff.absence import AbsenceRules
from streamer.diff.state import TenantState
from streamer.events.encode import STATUS_LIMIT
from streamer.events.record import EVENTS, ROWS
from streamer.model import Unmapped
from tests.support.values import NOON, events, poll, restored, snapshot, status

HUGE = "x" * (STATUS_LIMIT + 1)


def first(*codes: int) -> TenantState:
    return poll(
        TenantState(tenant="acme"), snapshot(0, 100, *(status(f"a{n}", code) for n, code in enumerate(codes)))
    ).state


def test_the_row_is_the_event_byte_for_byte() -> None:
    """Value and headers, so that whoever has the table has each agent's last event."""
    plan = poll(TenantState(tenant="acme"), snapshot(0, 100, status("a", 4), status("b", 9)))
    told = [each for each in plan.records if each.topic == EVENTS]
    rows = [each for each in plan.records if each.topic == ROWS]
    assert [(each.key, each.value, each.headers) for each in told] == [
        (each.key, each.value, each.headers) for each in rows
    ]


def test_previous_is_the_stored_current_with_fields_of_later_releases() -> None:
    """A row that a newer release wrote goes on in the chain as it was."""
    plan = poll(TenantState(tenant="acme"), snapshot(0, 100, status("a", 4)))
    [row] = [each for each in plan.records if each.topic == ROWS]
    newer = orjson.loads(row.value or b"")
    newer["current"]["mood"] = {"from": "a later release"}
    state = restored([type(row)(row.topic, row.key, orjson.dumps(newer), row.headers)])
    [event] = events(poll(state, snapshot(1000, 1100, status("a", 9))))
    assert event["previous"]["mood"] == {"from": "a later release"}


def test_an_event_that_is_too_large_is_refused_and_all_others_go_on() -> None:
    """The refused agent keeps its stored state, takes no number, and the watermark waits for it."""
    state = first(4, 4, 4)
    plan = poll(state, snapshot(1000, 1100, status("a0", 9), status("a1", 9, note=HUGE), status("a2", 9)))
    assert [(each["agent"]["id"], each["tenant_sequence"]) for each in events(plan)] == [("a0", 4), ("a2", 5)]
    assert [each.reason for each in plan.refused] == ["too_large"]
    assert plan.state.rows["a1"] is state.rows["a1"]
    assert plan.state.complete_through == NOON
    [event] = events(poll(plan.state, snapshot(2000, 2100, *(status(f"a{n}", 9) for n in range(3)))))
    assert (event["agent"]["id"], event["tenant_sequence"]) == ("a1", 6)


def test_an_identical_object_that_was_refused_is_tried_again() -> None:
    """It agrees with no row, so it is not settled."""
    large = status("a0", 9, note=HUGE)
    once = poll(first(4), snapshot(1000, 1100, large))
    twice = poll(once.state, snapshot(2000, 2100, large))
    assert (len(once.refused), len(twice.refused)) == (1, 1)


def test_an_event_that_breaks_its_schema_is_refused() -> None:
    """The schema is the contract: what does not fit it is not published. An agent's id is never empty, say."""
    plan = poll(TenantState(tenant="acme"), snapshot(0, 100, status("", 4), status("b", 4)))
    assert [each.reason for each in plan.refused] == ["invalid"]
    assert [each["agent"]["id"] for each in events(plan)] == ["b"]


def test_a_refusal_names_no_agent() -> None:
    """Its message goes to logs and to the status page."""
    plan = poll(TenantState(tenant="acme"), snapshot(0, 100, status("secret-id", 4, name="Jane Smith", note=HUGE)))
    assert "secret-id" not in str(plan.refused[0])
    assert "Jane" not in str(plan.refused[0])


def test_names_are_kept_out_where_they_are_not_wanted() -> None:
    """Those of agents that left included, whose name is known from the row."""
    state = poll(TenantState(tenant="acme"), snapshot(0, 100, status("a", 4, name="Jane"), status("b", 4))).state
    rules = AbsenceRules(absent_after=1)
    [event] = events(poll(state, snapshot(1000, 1100, status("b", 4)), rules, names=False))
    assert (event["change"], event["agent"]["name"]) == ("disappeared", None)


def test_an_unmapped_status_is_unknown_and_counted() -> None:
    """It breaks nothing, and the vendor's own code travels on."""
    plan = poll(first(4), snapshot(1000, 1100, status("a0", 99)))
    [event] = events(plan)
    assert (event["current"]["state"], event["current"]["vendor"]["code"]) == ("unknown", 99)
    assert [each.unmapped for each in plan.published] == [(Unmapped("code", "99"),)]


def test_agents_are_counted_by_state() -> None:
    """The counts move with the changes, not by counting all agents again."""
    plan = poll(first(4, 4, 9), snapshot(1000, 1100, status("a0", 9), status("a1", 4), status("a2", 9)))
    assert plan.state.by_state == {"ready": 1, "busy": 2}


def test_the_watermark_waits_while_our_clock_is_not_to_be_trusted() -> None:
    """What was promised stays promised; nothing is added."""
    plan = poll(first(4), snapshot(1000, 1100, status("a0", 4)), AbsenceRules(clock_is_off=True))
    assert plan.state.complete_through == NOON
