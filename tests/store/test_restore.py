"""From the records of two tables to the state of each tenant: pure."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.clock import parse_rfc3339
from streamer.diff.state import Row, TenantState
from streamer.events.definition import AgentStatusChanged
from streamer.events.encode import tombstone
from streamer.events.examples import CHANGED
from streamer.events.record import CLAIM_KEY, EVENTS, QUEUES, ROWS, TENANTS, Record, agent_key
from streamer.model import Interval, Window
from streamer.store import StoreError
from streamer.store.restore import Restoration, restore
from tests.support.narrator import event, stored, tenant_in, tenant_status


def restored(*records: Record) -> dict[str, TenantState]:
    """Restore the only shard from records of its tables, in this order."""
    return restore(stored(records), shard=0, shards=1)


def row(tenant: str, agent: str, **fields: Any) -> Record:
    """Return a valid row."""
    return event(tenant, agent, **fields)[1]


def altered(record: Record, **fields: Any) -> Record:
    """Return a record with other fields in its value, whether they are valid or not."""
    value = {**orjson.loads(record.value or b"{}"), **fields}
    return Record(record.topic, record.key, orjson.dumps(value), record.headers)


def spanning(edge: str) -> dict[str, str]:
    """Return an interval that ends at a moment."""
    return {"earliest": edge, "latest": edge, "basis": "poll_bounds"}


SHAPELESS = {**CHANGED["current"], "vendor": []}
YEAR_0, YEAR_10000 = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"
"""Moments that have a name in some zone, and none in UTC: they are read and could never be written again."""


def test_a_row_is_what_the_last_event_says() -> None:
    """Each part that the next event needs, and `current` byte for byte."""
    record = row("acme", "a|1", sequence=42, tenant_sequence=1877)
    (state,) = restored(record).values()
    current = CHANGED["current"]
    assert state.rows == {
        "a|1": Row(
            sequence=42,
            current=msgspec.json.encode(msgspec.convert(CHANGED, AgentStatusChanged).current),
            state="not_ready",
            name="Name of a|1",
            observed=Window(parse_rfc3339("2026-11-21T09:30:10.120Z"), parse_rfc3339("2026-11-21T09:30:10.302Z")),
            detected_at=parse_rfc3339("2026-11-21T09:30:10.304Z"),
        )
    }
    assert (state.rows["a|1"].current or b"-") in (record.value or b"")
    status = state.rows["a|1"].status
    assert status is not None
    assert (status.state, status.vendor) == ("not_ready", current["vendor"])
    assert status.since == Interval(
        parse_rfc3339(current["since"]["earliest"]), parse_rfc3339(current["since"]["latest"])
    )
    assert (state.source, state.sequence, state.by_state) == ("8x8-agent-status", 1877, {"not_ready": 1})
    assert (state.complete_through, state.health, state.fault) == (None, None, None)


def test_a_disappeared_agent_keeps_its_row() -> None:
    """It has no current status, and it is known when it left."""
    occurred = {"earliest": "2026-11-21T09:30:00.125Z", "latest": "2026-11-21T09:30:10.302Z", "basis": "poll_bounds"}
    state = restored(row("acme", "a", change="disappeared", current=None, occurred=occurred, sequence=7))["acme"]
    gone = state.rows["a"]
    assert (gone.sequence, gone.current, gone.state, gone.status) == (7, None, None, None)
    assert gone.left == Interval(parse_rfc3339(occurred["earliest"]), parse_rfc3339(occurred["latest"]))
    assert (state.live, state.by_state) == (0, {})


def test_a_baseline_has_no_earliest() -> None:
    """An entry that is not known is None, not 1970."""
    current = {**CHANGED["current"], "since": None}
    occurred = {"earliest": None, "latest": "2026-11-21T09:30:10.302Z", "basis": "poll_bounds"}
    record = row("acme", "a", change="baseline", previous=None, current=current, occurred=occurred, duration_ms=None)
    status = restored(record)["acme"].rows["a"].status
    assert status is not None
    assert status.since is None


def test_the_newest_record_of_a_key_counts() -> None:
    """Compaction is lazy: older ones, tombstones before and after, may still be there."""
    tombstone = Record(ROWS, agent_key("acme", "b"), None)
    state = restored(
        row("acme", "a", sequence=1), row("acme", "b", sequence=8), row("acme", "a", sequence=2), tombstone
    )["acme"]
    assert {agent: each.sequence for agent, each in state.rows.items()} == {"a": 2}


def test_a_tenant_of_tombstones_and_claims_alone_does_not_exist() -> None:
    """Neither the claim's key nor an erased tenant has a state."""
    claims = [Record(topic, CLAIM_KEY, None) for topic in (ROWS, TENANTS)]
    erased = [Record(ROWS, agent_key("acme", "a"), None), Record(TENANTS, b"acme", None)]
    assert restored(*claims, row("acme", "a"), tenant_status("acme"), *erased) == {}


def test_the_tenants_record_tells_what_the_rows_do_not() -> None:
    """Watermark, health and token come from it; the sequence is the larger one of both."""
    record = tenant_status(
        "acme", tenant_sequence=9, resync="token-1", resyncs=["token-0", "token-1"], health="degraded"
    )
    state = restored(record, row("acme", "a", tenant_sequence=8))["acme"]
    assert (state.sequence, state.resync, state.health) == (9, "token-1", "degraded")
    assert [state.was_resynced(f"token-{number}") for number in range(3)] == [True, True, False]
    assert state.complete_through == parse_rfc3339("2026-11-21T12:00:00.000Z")
    assert state.health_since == parse_rfc3339("2026-11-21T08:00:00.210Z")
    assert restored(record, row("acme", "a", tenant_sequence=10))["acme"].sequence == 10


def test_a_record_of_a_later_release_is_read() -> None:
    """Fields that this release does not know are no fault, and `current` keeps them for the next `previous`."""
    current = {**CHANGED["current"], "mood": "splendid"}
    record = altered(row("acme", "a"), current=current, weather="fine")
    state = restored(record, altered(tenant_status("acme"), weather="fine"))["acme"]
    assert state.fault is None
    assert b"splendid" in (state.rows["a"].current or b"")


def deep() -> bytes:
    """A value whose vendor fields are nested deeper than any reader follows."""
    status = orjson.dumps({**CHANGED["current"], "vendor": {"code": 1, "label": "x", "deep": 0}})
    nested = status.replace(b'"deep":0', b'"deep":' + b"[" * 5000 + b"]" * 5000)
    return (row("acme", "a").value or b"").replace(orjson.dumps(CHANGED["current"]), nested)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        pytest.param(Record(ROWS, b"acme|a", b""), "Input data was truncated", id="empty"),
        pytest.param(Record(ROWS, b"acme|a", b"{broken"), "JSON is malformed", id="no JSON"),
        pytest.param(Record(ROWS, b"acme|a", b'{"tenant": "\xff"}'), "its text is not UTF-8", id="no UTF-8"),
        pytest.param(Record(ROWS, b"acme|a", deep()), "it is nested too deeply", id="deep"),
        pytest.param(altered(row("acme", "a"), sequence="4"), "`$.sequence`", id="text for a number"),
        pytest.param(altered(row("acme", "a"), observed={"start": "soon", "end": "later"}), "RFC3339", id="time"),
        pytest.param(altered(row("acme", "a"), detected_at="2026-11-21T09:30:10.304"), "timezone", id="time of where"),
        pytest.param(
            altered(row("acme", "a"), current=SHAPELESS), "`object`, got `array` - at `$.vendor`", id="vendor"
        ),
        pytest.param(altered(row("acme", "a"), current=[]), "Expected `object`, got `array`", id="current is a list"),
        pytest.param(altered(row("acme", "b"), agent={"id": "a"}), "not those of its key", id="other agent"),
        pytest.param(altered(row("acme", "a"), tenant="other"), "not those of its key", id="other tenant"),
        pytest.param(Record(TENANTS, b"acme", b"[]"), "Expected `object`", id="tenant: a list"),
        pytest.param(altered(row("acme", "a"), sequence=0), "Expected `int` >= 1", id="sequence"),
        pytest.param(altered(row("acme", "a"), tenant_sequence=-5), "Expected `int` >= 1", id="tenant_sequence"),
        pytest.param(altered(tenant_status("acme"), tenant_sequence=-5), "Expected `int` >= 0", id="tenant: sequence"),
        pytest.param(altered(tenant_status("acme"), complete_through="noon"), "RFC3339", id="tenant: time"),
        pytest.param(altered(tenant_status("acme"), tenant="other"), "not those of its key", id="tenant: another"),
        *(
            pytest.param(altered(record, **fields), "a time in it can't be read", id=f"{record.topic}: {where}, {when}")
            for when, edge in (("year 0", YEAR_0), ("year 10000", YEAR_10000))
            for record, where, fields in (
                (row("acme", "a"), "start", {"observed": {"start": edge, "end": edge}}),
                (row("acme", "a"), "detected", {"detected_at": edge}),
                (row("acme", "a"), "since", {"current": {**CHANGED["current"], "since": spanning(edge)}}),
                (row("acme", "a"), "left", {"current": None, "occurred": spanning(edge)}),
                (tenant_status("acme"), "health", {"health_since": edge}),
                (tenant_status("acme"), "complete", {"complete_through": edge}),
            )
        ),
    ],
)
def test_a_record_that_cannot_be_read_is_its_tenants_fault_alone(record: Record, why: str) -> None:
    """The fault names the place and the reason; every other tenant is restored."""
    states = restored(row("other", "a"), record, row("zulu", "a"), tenant_status("zulu"))
    fault = states["acme"].fault or ""
    assert fault.startswith(f"{record.topic}[0]@1 can't be read: ")
    assert why in fault
    assert (states["other"].fault, states["zulu"].fault) == (None, None)
    assert (len(states["other"].rows), len(states["zulu"].rows)) == (1, 1)


@pytest.mark.parametrize("key", [b"acme|a", b"acme|\xff\xfe", "acme|Ä|ß".encode()])
def test_a_row_that_cannot_be_read_can_be_erased(key: bytes) -> None:
    """Its key is known, whatever bytes it has, so that the tenant can be forgotten."""
    state = restored(Record(ROWS, key, b"{"))["acme"]
    (agent,) = state.rows
    assert tombstone("acme", agent) == Record(ROWS, key, None)


def test_a_fault_tells_no_personal_data() -> None:
    """Neither an id nor a name of an agent, whatever is wrong."""
    broken = [
        altered(row("acme", "agent-padma"), observed={"start": "Padma", "end": "Othertask"}),
        altered(row("acme", "agent-padma"), agent={"id": 7, "name": "Padma"}),
        altered(row("acme", "agent-padma"), agent={"id": "agent-other", "name": "Padma"}),
    ]
    for record in broken:
        fault = restored(record)["acme"].fault or ""
        assert fault
        assert "adma" not in fault
        assert "Othertask" not in fault
        assert "agent-other" not in fault


@pytest.mark.parametrize(
    ("topic", "key"),
    [
        *[(ROWS, b"acme"), (ROWS, b"|agent"), (ROWS, b"\xff|a")],
        *[(TENANTS, b"acme|a"), (TENANTS, b""), (TENANTS, b"\xff")],
        *[(QUEUES, b"acme"), (QUEUES, b"|queue"), (QUEUES, b"")],
    ],
)
@pytest.mark.parametrize("value", [None, b"{}"])
def test_a_key_that_is_none_of_ours_stops_everything(topic: Any, key: bytes, value: bytes | None) -> None:
    """Even a tombstone of it: another program writes to the topic."""
    with pytest.raises(StoreError, match=r"@0: the key is none of ours; is the topic used by something else\?"):
        restored(Record(topic, key, value))


def test_a_tenant_in_the_wrong_partition_stops_everything() -> None:
    """The partition count was changed: agents would be restored by nobody. The message says what to do."""
    tenant = tenant_in(2, 3)
    assert set(restore(stored([row(tenant, "a")], partition=2), shard=2, shards=3)) == {tenant}
    for record in (row(tenant, "a"), tenant_status(tenant), Record(ROWS, agent_key(tenant, "a"), None)):
        with pytest.raises(StoreError) as stopped:
            restore(stored([record], partition=1), shard=1, shards=3)
        assert str(stopped.value) == (
            f"{record.topic}[1]@0: tenant {tenant} belongs to partition 2 of 3, but lies in 1: the number of partitions "
            "was changed. Set kafka.partitions back, or start anew under another topic_prefix"
        )


@given(st.binary(max_size=200), st.sampled_from([ROWS, TENANTS]))
def test_no_value_stops_the_others(value: bytes, topic: Any) -> None:
    """Whatever bytes lie in a table, the shard is restored and the one tenant says so."""
    key = agent_key("acme", "a") if topic == ROWS else b"acme"
    states = restored(Record(topic, key, value), row("other", "a"))
    assert states["acme"].fault is not None
    assert set(states["other"].rows) == {"a"}


def test_events_are_no_state() -> None:
    """The helper that makes tables of records leaves them out, as the stores do."""
    assert [each.topic for each in stored(event("acme", "a"))] == [ROWS]
    assert EVENTS not in {each.topic for each in stored([*event("acme", "a"), tenant_status("acme")])}


def test_no_other_field_of_a_row_is_needed() -> None:
    """What restores a row is named in one place; leaving any of it out is a fault."""
    needed = {
        "tenant",
        "source",
        "agent",
        "sequence",
        "tenant_sequence",
        "current",
        "observed",
        "detected_at",
        "occurred",
    }
    value = orjson.loads(row("acme", "a").value or b"")
    for field in value:
        less = Record(ROWS, b"acme|a", orjson.dumps({key: each for key, each in value.items() if key != field}))
        assert (restored(less)["acme"].fault is not None) == (field in needed), field


@given(st.lists(st.integers(1, 7), min_size=1, max_size=20), st.integers(1, 5))
def test_a_restoration_in_pieces_gives_what_one_go_gives(agents: list[int], piece: int) -> None:
    """So many records a turn and no more, each key's newest alone; nothing waits for who polls meanwhile."""
    records = [row("acme", f"a{agent}", sequence=number) for number, agent in enumerate(agents, 1)]
    restoration = Restoration(shard=0, shards=1)
    for record in stored([*records, tenant_status("acme")]):
        restoration.take(record)
    turns = 1
    while restoration.work(piece):
        turns += 1
    assert turns == -(-(len(set(agents)) + 1) // piece)
    assert restoration.tenants() == restored(*records, tenant_status("acme"))
