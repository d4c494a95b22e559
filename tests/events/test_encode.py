from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid5

import msgspec
import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from hypothesis import given
from hypothesis import strategies as st

from streamer.clock import parse_rfc3339
from streamer.events.definition import AgentStatusChanged, QueueStatus, Status, TenantStatus
from streamer.events.encode import (
    RECORD_LIMIT,
    STATUS_LIMIT,
    EventRefused,
    embedded,
    encode_status,
    event_id,
    event_records,
    new_trace,
    queue_record,
    queue_tombstone,
    tenant_record,
    tombstone,
)
from streamer.events.examples import CHANGED, QUEUE, TENANT
from streamer.events.record import EVENTS, QUEUES, ROWS, TENANTS, Record
from streamer.events.schemas import AGENT_STATUS_CHANGED, QUEUE_STATUS, TENANT_STATUS, complaint, schema_text

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


def event(**fields: Any) -> AgentStatusChanged:
    """Return the published example with other fields."""
    return msgspec.structs.replace(msgspec.convert(CHANGED, AgentStatusChanged), **fields)


def status(vendor: dict[str, Any]) -> Status:
    """Return a status with these vendor fields beside code and label."""
    return Status(state="ready", detail=None, reason=None, vendor={"code": 4, "label": "x", **vendor}, since=None)


def with_current(status: bytes) -> AgentStatusChanged:
    """Return the example with a status as the differ embeds it: bytes."""
    return event(current=embedded(status))


def test_our_records_are_cloudevents_to_the_cncf_sdk() -> None:
    """Each attribute that the design names, read by a stranger's code from what we write into Kafka."""
    record, _ = event_records(event(), TRACE)
    read = from_binary_event(KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value or b""))
    assert read.get_specversion() == "1.0"
    assert read.get_type() == "AgentStatusChanged"
    assert read.get_source() == "/tenants/acmecorp01"
    assert read.get_subject() == CHANGED["agent"]["id"]
    assert round(read.get_time().timestamp() * 1000) == parse_rfc3339(CHANGED["detected_at"])  # type: ignore[union-attr]
    assert read.get_dataschema() == AGENT_STATUS_CHANGED
    assert read.get_datacontenttype() == "application/json"
    assert read.get_data() == CHANGED
    assert UUID(read.get_id()).version == 5


def test_a_consumer_that_knows_no_cloudevents_just_reads_json() -> None:
    """The value is the plain document."""
    record, _ = event_records(event(), TRACE)
    assert json.loads(record.value or b"") == CHANGED


def test_the_row_is_the_event_byte_for_byte() -> None:
    """Key, value and headers alike: the table is readable by whoever reads the events."""
    record, row = event_records(event(), TRACE)
    assert (record.topic, row.topic) == (EVENTS, ROWS)
    assert (record.key, record.value, record.headers) == (row.key, row.value, row.headers)
    assert record.key == b"acmecorp01|ag64oyEUb_Sk6bxVB9P5ye5w"


def test_no_header_is_there_twice() -> None:
    """Readers that make a dictionary of them lose nothing."""
    record, _ = event_records(event(), TRACE)
    assert len(dict(record.headers)) == len(record.headers)


def test_events_of_a_poll_share_a_trace_and_each_has_a_span() -> None:
    """W3C trace context, version 00, sampled."""
    trace = new_trace()
    parents = [dict(event_records(event(), trace)[0].headers)["traceparent"].decode() for _ in range(2)]
    spans = [each.split("-") for each in parents]
    assert [(each[0], each[1], each[3]) for each in spans] == [("00", trace, "01")] * 2
    assert spans[0][2] != spans[1][2]
    assert {len(each[2]) for each in spans} == {16}
    assert len(trace) == 32


@given(texts, texts, st.integers(1, 2**53), st.integers(0, 999))
def test_an_event_id_can_be_computed_by_anybody(tenant: str, agent: str, sequence: int, millis: int) -> None:
    """UUIDv5 of the compact JSON array in UTF-8, made here with Python's own json."""
    detected = f"2026-11-21T09:30:10.{millis:03}Z"
    namespace = orjson.loads(schema_text(AGENT_STATUS_CHANGED))["x-ce-id-namespace"]
    name = json.dumps([tenant, agent, sequence, detected], separators=(",", ":"), ensure_ascii=False)
    assert event_id(tenant, agent, sequence, detected) == str(uuid5(UUID(namespace), name))


def test_an_event_id_is_one_for_every_copy_and_another_for_an_attempt_made_anew() -> None:
    """Equal for the same tenant, agent, number and time of detection; different if one of them is."""
    one = event_id("acme", "a", 1, "2026-11-21T09:30:10.000Z")
    assert one == event_id("acme", "a", 1, "2026-11-21T09:30:10.000Z")
    others = {
        event_id("acme2", "a", 1, "2026-11-21T09:30:10.000Z"),
        event_id("acme", "b", 1, "2026-11-21T09:30:10.000Z"),
        event_id("acme", "a", 2, "2026-11-21T09:30:10.000Z"),
        event_id("acme", "a", 1, "2026-11-21T09:30:10.001Z"),
        one,
    }
    assert len(others) == 5


def test_a_status_is_published_up_to_24_kib() -> None:
    """To the byte, so that it also fits as the next event's `previous`."""
    spare = STATUS_LIMIT - len(encode_status(status({"x": ""})))
    largest = encode_status(status({"x": "a" * spare}))
    assert len(largest) == STATUS_LIMIT
    with pytest.raises(EventRefused, match="24577 bytes as JSON; at most 24576") as refused:
        encode_status(status({"x": "a" * (spare + 1)}))
    assert refused.value.reason == "too_large"
    record, _ = event_records(event(previous=embedded(largest), current=embedded(largest)), TRACE)
    assert 2 * STATUS_LIMIT < record.size < RECORD_LIMIT


def test_a_record_is_published_up_to_64_kib() -> None:
    """Key, headers and value together, to the byte: an agent's name counts once, its id three times."""
    spare = RECORD_LIMIT - event_records(event(), TRACE)[0].size + len(CHANGED["agent"]["name"])

    def named(length: int) -> Record:
        agent = msgspec.structs.replace(event().agent, name="a" * length)
        return event_records(event(agent=agent), TRACE)[0]

    assert named(spare).size == RECORD_LIMIT
    with pytest.raises(EventRefused, match="the record has 65537 bytes") as refused:
        named(spare + 1)
    assert refused.value.reason == "too_large"


@pytest.mark.parametrize(
    ("vendor", "fault"),
    [
        ({"x": object()}, "TypeError"),
        ({"x": {("a", "b"): 1}}, "TypeError"),
        ({"x": "\ud800"}, "UnicodeEncodeError"),
    ],
    ids=["an object", "a key that is no text", "half a character"],
)
def test_a_status_that_is_no_json_is_refused(vendor: dict[str, Any], fault: str) -> None:
    """The message names the kind of fault and nothing of the status."""
    with pytest.raises(EventRefused) as refused:
        encode_status(status(vendor))
    assert (refused.value.reason, str(refused.value)) == ("invalid", f"the status can't be written as JSON: {fault}")


def test_a_status_that_contains_itself_is_refused() -> None:
    """However a source managed that."""
    vendor: dict[str, Any] = {}
    vendor["x"] = vendor
    with pytest.raises(EventRefused, match="can't be written as JSON: RecursionError"):
        encode_status(status(vendor))


def test_a_status_nested_too_deeply_for_readers_is_refused() -> None:
    """One event is refused; it fails neither the poll nor the transaction that others are in."""
    deep = (
        b'{"state":"ready","detail":null,"reason":null,"since":null,"vendor":{"code":1,"label":"x","x":'
        + b"[" * 2000
        + b"]" * 2000
        + b"}}"
    )
    with pytest.raises(EventRefused, match="no JSON that every reader can take") as refused:
        event_records(with_current(deep), TRACE)
    assert refused.value.reason == "invalid"


@pytest.mark.parametrize(
    "fields",
    [
        {"sequence": 0},
        {"tenant": "acme|corp"},
        {"detected_at": "yesterday"},
        {"agent": msgspec.structs.replace(msgspec.convert(CHANGED, AgentStatusChanged).agent, id="")},
        {"agent": msgspec.structs.replace(msgspec.convert(CHANGED, AgentStatusChanged).agent, id="\ud800")},
        {"change": "renamed"},
        {"duration_ms": {"min": -1, "max": 0}},
        {"missed_transitions": "one"},
    ],
)
def test_an_event_that_does_not_fit_its_schema_is_refused(fields: dict[str, Any]) -> None:
    """Before it may join a batch; the message says where and against which rule, and no value."""
    with pytest.raises(EventRefused) as refused:
        event_records(event(**fields), TRACE)
    assert refused.value.reason == "invalid"
    assert "Padma" not in str(refused.value)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | texts,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=20,
    )
)
def test_the_vendors_fields_travel_untouched(value: Any) -> None:
    """Whatever JSON a vendor sends under a status comes out at the consumer, also as the next event's `previous`."""
    current = encode_status(status({"field": value}))
    first, _ = event_records(with_current(current), TRACE)
    second, _ = event_records(event(previous=embedded(current)), TRACE)
    assert json.loads(first.value or b"")["current"]["vendor"]["field"] == value
    assert current in (first.value or b"")
    assert current in (second.value or b"")


def test_a_tombstone_is_the_rows_key_and_nothing_else() -> None:
    """It erases the row for every reader of the table; the events topic has none."""
    assert tombstone("acme", "a|b") == Record(topic=ROWS, key=b"acme|a|b", value=None, headers=())


def test_a_queues_row_is_a_cloud_event_to_the_cncf_sdk() -> None:
    """Keyed by tenant and queue, on the table of queues alone; its id can be computed by anybody."""
    record = queue_record(msgspec.convert(QUEUE, QueueStatus), TRACE)
    assert (record.topic, record.key) == (QUEUES, b"acmecorp01|116")
    read = from_binary_event(KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value or b""))
    assert (read.get_type(), read.get_source(), read.get_subject()) == ("QueueStatus", "/tenants/acmecorp01", "116")
    assert read.get_dataschema() == QUEUE_STATUS
    assert read.get_data() == QUEUE
    namespace = orjson.loads(schema_text(QUEUE_STATUS))["x-ce-id-namespace"]
    name = json.dumps(["queue-status", "acmecorp01", "116", QUEUE["detected_at"]], separators=(",", ":"))
    assert read.get_id() == str(uuid5(UUID(namespace), name))
    assert queue_tombstone("acmecorp01", "116") == Record(topic=QUEUES, key=record.key, value=None)


def test_a_queue_that_no_schema_or_reader_could_take_is_refused() -> None:
    """Whatever counters a vendor sends: too much of it, or what JSON can't hold; the words hold none of it."""
    row = msgspec.convert(QUEUE, QueueStatus)
    for counters, reason in (({"day": "x" * RECORD_LIMIT}, "too_large"), ({"day": object()}, "invalid")):
        with pytest.raises(EventRefused) as refused:
            queue_record(msgspec.structs.replace(row, counters=counters), TRACE)
        assert refused.value.reason == reason
        assert "xx" not in str(refused.value)


def test_a_tenants_record_is_plain_json_with_its_schema_named() -> None:
    """Keyed by the tenant; no CloudEvent, for it tells a state."""
    record = tenant_record(msgspec.convert(TENANT, TenantStatus))
    assert (record.topic, record.key) == (TENANTS, b"acmecorp01")
    assert json.loads(record.value or b"") == TENANT
    assert dict(record.headers) == {"content-type": b"application/json", "dataschema": TENANT_STATUS.encode()}
    assert complaint(TENANT_STATUS, record.value or b"") is None
