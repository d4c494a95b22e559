from __future__ import annotations

import msgspec
import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from streamer.events.cloudevents import NotACloudEventError, attributes, structured
from streamer.events.record import EVENTS, Record
from streamer.events.schemas import CLOUDEVENT, complaint
from tests.support.values import polls, snapshot, status


@pytest.fixture
def record() -> Record:
    """An event as it is published."""
    plan = polls(snapshot(0, 100, status("ag|é", 4, name="Zoë")))
    (event,) = (each for each in plan.records if each.topic == EVENTS)
    return event


def test_both_modes_are_one_event_to_the_cncf_sdk(record: Record) -> None:
    """What `tail` prints and what lies in Kafka have equal attributes and equal data, read by a stranger's code."""
    headers = dict(record.headers)
    binary = from_binary_event(KafkaMessage(headers=headers, key=record.key, value=record.value or b""), JSONFormat())
    text = JSONFormat().read(CloudEvent, structured(record))
    own = {key: value for key, value in binary.get_attributes().items() if key != "partitionkey"}  # the SDK's own
    assert text.get_attributes() == {**own, "traceparent": headers["traceparent"].decode()}
    assert text.get_data() == binary.get_data() == orjson.loads(record.value or b"")


def test_the_document_fits_its_published_schema(record: Record) -> None:
    """Envelope and event, in one go."""
    assert complaint(CLOUDEVENT, structured(record)) is None


def test_the_document_is_one_line_with_the_value_as_it_is(record: Record) -> None:
    """Readers split at line ends; numbers and texts stay as they were written."""
    spread = msgspec.json.format(record.value or b"", indent=2)
    document = structured(msgspec.structs.replace(record, value=spread))
    assert b"\n" not in document
    assert document.endswith(b'"data":' + (record.value or b"") + b"}")


def test_headers_of_others_are_no_attributes(record: Record) -> None:
    """Only `ce_*`, the content type and the trace are the event's."""
    more = msgspec.structs.replace(record, headers=(*record.headers, ("added-by-a-proxy", b"\xff")))
    assert attributes(more) == attributes(record)


def test_an_attribute_that_is_not_utf_8_is_refused(record: Record) -> None:
    """The message names the header and nothing of its content."""
    with pytest.raises(NotACloudEventError, match=r"^the header ce_other is not UTF-8$"):
        attributes(msgspec.structs.replace(record, headers=(*record.headers, ("ce_other", b"\xff"))))


@pytest.mark.parametrize("missing", ["ce_specversion", "ce_id", "ce_source", "ce_type"])
def test_a_record_without_a_required_attribute_is_none(record: Record, missing: str) -> None:
    """The message names the header and nothing of the record's content."""
    headers = tuple((name, value) for name, value in record.headers if name != missing)
    with pytest.raises(NotACloudEventError, match=f"^the header {missing} is missing$"):
        structured(msgspec.structs.replace(record, headers=headers))


@pytest.mark.parametrize("value", [b"{", b"[" * 5000 + b"]" * 5000], ids=["cut off", "deep"])
def test_a_value_that_is_not_json_is_none(record: Record, value: bytes) -> None:
    """It can't stand under `data`, no more than what is nested deeper than readers follow."""
    with pytest.raises(NotACloudEventError, match=r"^the value is not JSON$"):
        structured(msgspec.structs.replace(record, value=value))
