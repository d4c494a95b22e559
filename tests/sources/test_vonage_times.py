"""Vonage: when a status was entered, what was missed and what is old, told by the times of each component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.clock import parse_rfc3339
from streamer.diff.absence import AbsenceRules
from streamer.diff.plan import Plan, PollRules, plan_poll
from streamer.diff.state import TenantState
from streamer.model import AgentStatus, Interval, Transition
from streamer.sources.skew import Skew
from streamer.sources.vonage_components import (
    Component,
    Components,
    Entry,
    components,
    entry_into,
    significant,
    transition,
)
from streamer.sources.vonage_vocabulary import VonageVocabulary
from tests.sources.mutated import any_json
from tests.sources.vonage_model import Since, Steps, Views, history, shown, steps
from tests.support.values import NOON, events, snapshot

CALL = "interactions/call"
VOCABULARY = VonageVocabulary({})
RULES = PollRules(absence=AbsenceRules())


class Vocabulary:
    """The part of the source that the differ needs, without its HTTP."""

    name = "vonage-agent-status"

    def transition(self, before: Any, since: Interval | None, status: AgentStatus) -> Transition:  # noqa: ARG002
        """Compare as the source does."""
        return transition(before, status)

    interpret = VOCABULARY.interpret


def parts(presence: int | None, workload: int | None, **interactions: tuple[int | None, int]) -> Components:
    """Return components whose times are small numbers; an interaction is a time and a stage."""
    found = {"presence": Component(("Ready",), presence), "workload": Component((len(interactions),), workload)}
    return found | {
        f"interactions/{guid}": Component((stage,), since, stage) for guid, (since, stage) in interactions.items()
    }


@pytest.mark.parametrize(
    ("before", "after", "entry"),
    [
        pytest.param({}, parts(10, 20), Entry(20, open=False), id="never seen before"),
        pytest.param({}, parts(10, None), Entry(10, open=True), id="a component without a time"),
        pytest.param({}, parts(None, None), None, id="no times at all"),
        pytest.param(parts(10, 5), parts(30, 5), Entry(30, open=False), id="the presence anew"),
        pytest.param(parts(10, 5), parts(10, 40, call=(40, 0)), Entry(40, open=False), id="it rings"),
        pytest.param(parts(10, 5), parts(10, 40, call=(45, 1)), Entry(45, open=False), id="connected after it rang"),
        pytest.param(
            parts(10, 5), parts(10, 40, call=(40, 1)), Entry(40, open=True), id="connected, or it rang before"
        ),
        pytest.param(
            parts(10, 40, call=(40, 0)), parts(10, 40, call=(45, 1)), Entry(45, open=False), id="rang, connected"
        ),
        pytest.param(
            parts(10, 40, call=(40, 0)), parts(10, 40, call=(40, 1)), None, id="connected, its time the beginning's"
        ),
        pytest.param(
            parts(10, 40, call=(45, 2)), parts(10, 60), Entry(60, open=False), id="over, told by the workload"
        ),
        pytest.param(
            parts(10, 40, call=(45, 2)),
            {"presence": parts(70, 0)["presence"], "workload": parts(0, 40, call=(0, 0))["workload"]},
            Entry(70, open=True),
            id="over, not told by the workload",
        ),
        pytest.param(parts(10, None), parts(30, 20), Entry(30, open=False), id="a time that was not told before"),
    ],
)
def test_the_entry_is_the_latest_time_of_what_differs(
    before: Components, after: Components, entry: Entry | None
) -> None:
    """Open where a component that differs may have changed later than its time says."""
    assert entry_into(after, before) == entry


def test_a_component_that_came_back_to_its_value_was_missed() -> None:
    """Ready, lunch, ready between two polls; the call that came meanwhile is no reason to think so."""
    views = history([(1000, "lunch"), (1000, "ready"), (1000, "ring")], "state")
    first, last = shown(views, NOON), shown(views, NOON + 3000)
    told = transition(first.vendor, last)
    assert (told.same, told.missed, told.older) == (False, 1, False)
    assert told.entered == Interval(NOON + 3000, NOON + 3000)
    assert transition(first.vendor, shown(views, NOON + 2000)).missed == 1
    rings = history([(1000, "ring")], "state")
    assert transition(shown(rings, NOON).vendor, shown(rings, NOON + 1000)).missed == 0


def test_times_nearer_than_the_skew_is_known_are_told_apart_all_the_same() -> None:
    """They are compared with each other, as the vendor sent them."""
    views, skew = history([(5, "lunch"), (5, "ready")], "state"), Skew(-500, 500)
    old, mid, new = (shown(views, NOON + at, skew=skew) for at in (0, 5, 10))
    assert transition(mid.vendor, new).older is False
    assert transition(new.vendor, mid).older is True
    assert transition(old.vendor, new).missed == 1
    assert transition(new.vendor, old).older is True


def test_a_component_that_lags_alone_is_late_and_not_old() -> None:
    """The presence changed before the workload, but was shown after it: what is stored knew nothing of it."""
    views = history([(1000, "lunch"), (1000, "case")], "state")
    item = shown(views, NOON + 2000)
    before = {**item.vendor, "presence": shown(views, NOON).vendor["presence"]}
    told = transition(before, item)
    assert (told.same, told.older, told.entered) == (False, False, Interval(NOON + 1000, NOON + 1000))


def test_a_status_that_did_not_change_is_the_same_whatever_else_is_sent() -> None:
    """Eligibility for routing, or a channel, is no status."""
    views = history([(1000, "ring")], "state")
    status = shown(views, NOON + 1000)
    vendor = {**status.vendor, "presence": {**status.vendor["presence"], "eligibleForRouting": True}}
    assert transition(vendor, status) == Transition(same=True)


@given(stored=any_json(("presence", "workload", "interactions", "since", "guid", "state", "name")))
def test_whatever_was_stored_can_be_compared(stored: object) -> None:
    """An older release, or somebody's hand, may have written it."""
    vendor = stored if isinstance(stored, dict) else {"presence": stored, "interactions": [stored]}
    told = transition(vendor, shown(history([], "state"), NOON))
    assert told.same == (significant(components(vendor)) == shown(history([], "state"), NOON).significant)


def entries(views: Views) -> list[tuple[int, Any]]:
    """Return when each status was truly entered: views that differ in what is significant."""
    told = [(at, shown(views, at).significant) for at, _ in views]
    return [each for number, each in enumerate(told) if number == 0 or each[1] != told[number - 1][1]]


def assert_true(event: Mapping[str, Any], views: Views) -> None:
    """The agent entered the status that an event tells within the interval that it tells."""
    since, told = event["current"]["since"], significant(components(event["current"]["vendor"]))
    earliest, latest = parse_rfc3339(since["earliest"]), parse_rfc3339(since["latest"])
    assert any(earliest <= at <= latest for at, status in entries(views) if status == told)


def polled(state: TenantState, own: AgentStatus, start: int, end: int) -> Plan:
    """Return the plan of a poll whose window counts from noon."""
    taken = snapshot(start, end, own)
    return plan_poll(state, taken, vocabulary=Vocabulary(), rules=RULES, now=NOON + end + 5)


@pytest.mark.parametrize("since", get_args(Since))
@given(moves=steps, ahead=st.integers(-5000, 5000), unsure=st.integers(0, 1000))
def test_every_entry_is_true_whatever_since_means(since: Since, moves: Steps, ahead: int, unsure: int) -> None:
    """Polled once a second, of a vendor whose clock is off and known to within a second only."""
    views, skew = history(moves, since), Skew(ahead - unsure, ahead + unsure)
    state = TenantState(tenant="acme")
    for at in range(0, 12_000, 1000):
        own = shown(views, NOON + at, ahead=ahead, skew=skew, seen=NOON + at + 50)
        plan = polled(state, own, at - 20, at + 50)
        for event in events(plan):
            assert_true(event, views)
            assert not event["late"] or event["missed_transitions"], "only what came back to itself may have been seen"
        state = plan.state


lags = st.lists(st.integers(0, 2500), min_size=12, max_size=12)


@pytest.mark.parametrize("since", get_args(Since))
@given(moves=steps, lags=lags)
def test_a_node_that_lags_and_says_so_makes_no_false_entry(since: Since, moves: Steps, lags: Sequence[int]) -> None:
    """Its date of the data bounds the window, so whatever the answer shows was true in it."""
    views, state, promised = history(moves, since), TenantState(tenant="acme"), 0
    for at, lag in zip(range(0, 12_000, 1000), lags, strict=True):
        plan = polled(state, shown(views, NOON + at - lag, seen=NOON + at + 50), at - lag, at + 50)
        for event in events(plan):
            assert_true(event, views)
            earliest = event["occurred"]["earliest"]
            assert event["late"] or earliest is None or parse_rfc3339(earliest) >= promised
        state, promised = plan.state, plan.state.complete_through or 0


@given(moves=steps.map(lambda moves: [each for each in moves if each[1] != "case"]), lags=lags)
def test_a_node_that_lags_in_silence_is_told_by_the_times_alone(moves: Steps, lags: Sequence[int]) -> None:
    """Each answer dates itself to the present: what came too late for its window is late, and true."""
    views, state, promised = history(moves, "state"), TenantState(tenant="acme"), 0
    for at, lag in zip(range(0, 12_000, 1000), lags, strict=True):
        plan = polled(state, shown(views, NOON + at - lag, seen=NOON + at + 50), at, at + 50)
        for event in events(plan):
            assert_true(event, views)
            earliest = event["occurred"]["earliest"]
            assert event["late"] or earliest is None or parse_rfc3339(earliest) >= promised
        state, promised = plan.state, plan.state.complete_through or 0
