"""When a queue's row is written: what moves it, what can't wait, what erases it, and what a new owner knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.diff.operators import forget
from streamer.diff.queues import SPACING, QueuePlan, plan_queues, thresholds
from streamer.diff.state import QueueRow, TenantState
from streamer.events.encode import RECORD_LIMIT
from streamer.events.record import QUEUES, Record, Stored
from streamer.model import Queue, QueueGauges, QueueSnapshot, Window
from streamer.store.restore import restore
from tests.support.values import NOON

SECOND = 1000


def queue(name: str = "sales", *, day_accepted: int = 0, **gauges: Any) -> Queue:
    """Return a queue as a source shows it."""
    given_gauges = {"waiting": 0, "agents_available": 1, **gauges}
    counters = {"day-accepted": day_accepted}
    return Queue(
        id=name, name=name.title(), media="phone", type="phone", gauges=QueueGauges(**given_gauges), counters=counters
    )


def look(state: TenantState, at: int, *queues: Queue) -> QueuePlan:
    """Return what an answer leads to that is looked at so many ms after noon."""
    window = Window(start=NOON + at - 10_000, end=NOON + at)
    snapshot = QueueSnapshot(window=window, queues={each.id: each for each in queues})
    return plan_queues(state, snapshot, source="s", absent_after=3, now=NOON + at)


def values(records: Iterable[Record]) -> list[Any]:
    """Return the rows that records hold, None for a tombstone."""
    return [None if each.value is None else orjson.loads(each.value) for each in records]


def handed_over(records: Sequence[Record]) -> TenantState:
    """Return what a new owner knows."""
    stored = [Stored(each.topic, 0, offset, each.key, each.value) for offset, each in enumerate(records)]
    return restore(stored, shard=0, shards=1).get("acme", TenantState(tenant="acme"))


EMPTY = TenantState(tenant="acme")


def test_the_first_answer_writes_a_row_for_each_queue() -> None:
    """With all that the vendor tells, when that was true, and when it was looked at."""
    plan = look(EMPTY, 0, queue("sales", waiting=2, day_accepted=7), queue("chat"))
    assert (plan.written, plan.erased, plan.refused) == (2, 0, ())
    assert [(each.topic, each.key) for each in plan.records] == [(QUEUES, b"acme|chat"), (QUEUES, b"acme|sales")]
    assert values(plan.records)[1] == {
        "tenant": "acme",
        "source": "s",
        "queue": {"id": "sales", "name": "Sales"},
        "media": "phone",
        "type": "phone",
        "gauges": {**dict.fromkeys(QueueGauges.__struct_fields__), "waiting": 2, "agents_available": 1},
        "counters": {"day-accepted": 7},
        "observed": {"start": "2026-11-21T11:59:50.000Z", "end": "2026-11-21T12:00:00.000Z"},
        "detected_at": "2026-11-21T12:00:00.000Z",
    }


def test_counters_alone_write_no_row() -> None:
    """However long ago the last one was written."""
    state = look(EMPTY, 0, queue(day_accepted=1)).state
    assert look(state, 10 * SPACING, queue(day_accepted=2)).records == ()


@pytest.mark.parametrize("gauge", [each for each in QueueGauges.__struct_fields__ if each != "waiting"])
def test_a_gauge_that_moved_has_its_row_after_a_minute(gauge: str) -> None:
    """Not before, and then as it is by that time."""
    state = look(EMPTY, 0, queue()).state
    shown = [msgspec.structs.replace(queue().gauges, **{gauge: value}) for value in (5, 6)]
    five, six = (msgspec.structs.replace(queue(), gauges=gauges) for gauges in shown)
    assert look(state, SPACING - 1, five).records == ()
    (row,) = values(look(state, SPACING, six).records)
    assert row["gauges"][gauge] == 6


def test_another_name_moves_a_row() -> None:
    """A table shows what is; a change of it is no event."""
    state = look(EMPTY, 0, queue()).state
    renamed = msgspec.structs.replace(queue(), name="Orders")
    (row,) = values(look(state, SPACING, renamed).records)
    assert row["queue"] == {"id": "sales", "name": "Orders"}


def test_what_went_back_to_what_is_told_writes_nothing() -> None:
    """A gauge is no history."""
    state = look(EMPTY, 0, queue()).state
    state = look(state, 10 * SECOND, queue(in_progress=5)).state
    assert look(state, SPACING, queue()).records == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"waiting": 0}, {"waiting": 1}),
        ({"waiting": 4}, {"waiting": 0}),
        (
            {"waiting": 1, "sla_target": 1, "longest_wait_seconds": 3599},
            {"waiting": 1, "sla_target": 1, "longest_wait_seconds": 3600},
        ),
        (
            {"waiting": 1, "sla_target": 1, "longest_wait_seconds": 4000},
            {"waiting": 1, "sla_target": 1, "longest_wait_seconds": 10},
        ),
    ],
)
def test_a_threshold_that_is_crossed_waits_for_no_minute(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Somebody waits, or nobody any more; somebody has waited for too long, or nobody any more."""
    state = look(EMPTY, 0, queue(**before)).state
    plan = look(state, 1, queue(**after))
    assert [each["gauges"]["waiting"] for each in values(plan.records)] == [after["waiting"]]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"waiting": 1}, {"waiting": 9}),
        ({"waiting": 1, "longest_wait_seconds": 1}, {"waiting": 1, "longest_wait_seconds": 9999}),
        (
            {"waiting": 1, "sla_target": 0, "longest_wait_seconds": 1},
            {"waiting": 1, "sla_target": 0, "longest_wait_seconds": 9999},
        ),
    ],
)
def test_what_crosses_none_waits(before: dict[str, Any], after: dict[str, Any]) -> None:
    """More of the same; and without a target there is none to reach."""
    state = look(EMPTY, 0, queue(**before)).state
    assert look(state, 59 * SECOND, queue(**after)).records == ()


def test_a_queue_that_is_missing_three_times_in_a_row_is_erased() -> None:
    """Once or twice is nothing; and it may come back."""
    state = look(EMPTY, 0, queue("sales"), queue("chat")).state
    for at in (1, 2):
        state = look(state, at, queue("chat")).state
    state = look(state, 3, queue("sales"), queue("chat")).state
    for at in (4, 5):
        plan = look(state, at, queue("chat"))
        assert plan.records == ()
        state = plan.state
    plan = look(state, 6, queue("chat"))
    assert plan.records == (Record(QUEUES, b"acme|sales", None),)
    assert (plan.erased, set(plan.state.queues)) == (1, {"chat"})
    assert look(plan.state, 7, queue("sales"), queue("chat")).written == 1


def test_a_row_that_can_not_be_published_is_refused_and_the_others_go_on() -> None:
    """It keeps what is stored, is tried again with the next answer, and keeps nobody waiting."""
    state = look(EMPTY, 0, queue("sales"), queue("chat")).state
    large = msgspec.structs.replace(queue("sales", waiting=1), name="x" * RECORD_LIMIT)
    plan = look(state, 1, large, queue("chat", waiting=1))
    assert [each.reason for each in plan.refused] == ["too_large"]
    assert "xx" not in str(plan.refused[0])
    assert [each.key for each in plan.records] == [b"acme|chat"]
    assert plan.state.queues["sales"] == state.queues["sales"]
    assert look(plan.state, 2, queue("sales", waiting=1), queue("chat", waiting=1)).written == 1


def test_forgetting_a_tenant_erases_its_queues() -> None:
    """Even where there is nothing else of it."""
    state = look(EMPTY, 0, queue("sales"), queue("chat")).state
    erasure = forget(state)
    assert erasure.plan.records == (Record(QUEUES, b"acme|chat", None), Record(QUEUES, b"acme|sales", None))
    assert not erasure.plan.state.queues


def test_a_new_owner_repeats_nothing_and_keeps_the_minute() -> None:
    """It knows what was told and when; what can't be told apart is not told again."""
    first = look(EMPTY, 0, queue("sales", waiting=1, sla_target=2), queue("chat"))
    state = handed_over(first.records)
    assert state.queues == first.state.queues
    same = (queue("sales", waiting=1, sla_target=2, day_accepted=9), queue("chat"))
    assert look(state, 10 * SPACING, *same).records == ()
    assert look(state, 59 * SECOND, queue("sales", waiting=3), queue("chat")).records == ()
    assert [each.key for each in look(state, SPACING, queue("sales", waiting=3), queue("chat")).records] == [
        b"acme|sales"
    ]


@pytest.mark.parametrize("value", [b"", b"{", b"\xff", b"[]", b'{"tenant": "acme"}', b"[" * 100_000])
def test_a_row_that_can_not_be_read_is_written_anew_and_stops_nobody(value: bytes) -> None:
    """Nothing goes on from what it says, so there is nothing to lose."""
    state = handed_over([Record(QUEUES, b"acme|sales", value)])
    assert state.fault is None
    assert state.queues == {"sales": QueueRow(told=None, written=0)}
    assert look(state, 0, queue("sales")).written == 1
    assert forget(state).plan.records == (Record(QUEUES, b"acme|sales", None),)


def test_a_row_under_the_key_of_another_queue_is_not_believed() -> None:
    """It is put right with the next answer."""
    (record,) = look(EMPTY, 0, queue("sales")).records
    state = handed_over([msgspec.structs.replace(record, key=b"acme|chat")])
    assert state.queues == {"chat": QueueRow(told=None, written=0)}


def test_a_row_whose_time_could_not_be_written_is_written_anew() -> None:
    """A moment after the last one that UTC has a name for is no moment of ours."""
    (record,) = look(EMPTY, 0, queue("sales")).records
    spoiled = {**orjson.loads(record.value or b""), "detected_at": "9999-12-31T23:59:59-14:00"}
    state = handed_over([msgspec.structs.replace(record, value=orjson.dumps(spoiled))])
    assert state.queues == {"sales": QueueRow(told=None, written=0)}


def test_a_row_of_the_future_counts_as_old() -> None:
    """Whose clock was wrong is not known; without that nothing would be told until the future has come."""
    state = look(EMPTY, 10 * SPACING, queue()).state
    assert look(state, 0, queue(in_progress=1)).written == 1


GAUGES = st.builds(
    queue,
    waiting=st.integers(0, 2),
    in_progress=st.integers(0, 2),
    longest_wait_seconds=st.sampled_from([0, 3599, 3600, 7200]),
    sla_target=st.sampled_from([0, 1]),
    day_accepted=st.integers(0, 3),
)
STEP = st.tuples(st.integers(1, 40 * SECOND), st.none() | GAUGES, st.booleans())
"""After so many ms: what is shown, None for an answer without the queue; and whether a new owner takes over first."""


@given(st.lists(STEP, max_size=60))
def test_a_row_is_written_once_a_minute_at_most_unless_a_threshold_is_crossed(
    steps: list[tuple[int, Queue | None, bool]],
) -> None:
    """And never is it further behind than that: whatever is shown, missing, and whoever owns the shard."""
    state, at = EMPTY, 0
    table: dict[bytes, Record] = {}
    told: Queue | None = None
    written = -SPACING
    for after, shown, taken_over in steps:
        at += after
        if taken_over:
            state = handed_over(list(table.values()))
        plan = look(state, at, *([] if shown is None else [shown]))
        state = plan.state
        table |= {each.key: each for each in plan.records}
        if shown is None:
            assert plan.written == 0
            told = told if state.queues else None
            continue
        bare = msgspec.structs.replace(shown, counters={})
        if plan.written:
            assert told != bare, "it says what was said before"
            assert told is None or thresholds(told) != thresholds(bare) or at - written >= SPACING
            told, written = bare, at
        else:
            assert told == bare or (at - written < SPACING and told and thresholds(told) == thresholds(bare))
        (row,) = [each for each in values(table.values()) if each is not None]
        assert told is not None
        assert row["gauges"] == msgspec.to_builtins(told.gauges)
