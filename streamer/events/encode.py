"""Turning an event into its records: built, validated and measured before it may join a batch.

What one tenant's data can make fail fails here, never in a transaction that carries other tenants' events too.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast
from uuid import UUID, uuid5

import msgspec
from msgspec import Raw, Struct

from streamer.events.definition import AgentStatusChanged, QueueStatus, Status, TenantStatus
from streamer.events.record import EVENTS, QUEUES, ROWS, TENANTS, Headers, Record, agent_key, queue_key
from streamer.events.schemas import AGENT_STATUS_CHANGED, QUEUE_STATUS, TENANT_STATUS, complaint

if TYPE_CHECKING:
    from uuid import UUID as _UUID

STATUS_LIMIT: Final = 24 * 1024
"""Bytes of one status as JSON: it must also fit as the next event's `previous`."""

RECORD_LIMIT: Final = 64 * 1024
"""Bytes of key, headers and value together; what topics and clients allow is checked to be more."""

EVENT_TYPE: Final = "AgentStatusChanged"
QUEUE_TYPE: Final = "QueueStatus"
ID_NAMESPACE: Final[_UUID] = UUID("6f1b2c1e-8f0a-5a39-9d39-2f3a6f0f7c55")
"""Namespace of event ids (UUIDv5); the schema publishes it as `x-ce-id-namespace`."""

_encode: Final = msgspec.json.Encoder().encode


Refusal: TypeAlias = Literal["too_large", "invalid"]
"""Why an event must not be published, in one word."""


class EventRefused(Exception):
    """An event must not be published. The message holds no personal data."""

    def __init__(self, reason: Refusal, message: str) -> None:
        """Take the reason for a metric's label and a message for people."""
        super().__init__(message)
        self.reason = reason


def encode_status(status: Status) -> bytes:
    """Encode a status once: these very bytes are `current` now and `previous` in the agent's next event.

    Raises:
        EventRefused: larger than `STATUS_LIMIT`, or not encodable.

    """
    try:
        data = _encode(status)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        message = f"the status can't be written as JSON: {type(error).__name__}"
        raise EventRefused("invalid", message) from error
    if len(data) > STATUS_LIMIT:
        message = f"the status has {len(data)} bytes as JSON; at most {STATUS_LIMIT} are published"
        raise EventRefused("too_large", message)
    return data


def embedded(status: bytes | None) -> Status | None:
    """Return a status that was encoded before as a field of an event, which takes these very bytes."""
    return None if status is None else cast("Status", Raw(status))


def event_id(tenant: str, agent: str, sequence: int, detected_at: str) -> str:
    """Return the event's id: equal for every copy of it, another for an attempt that was derived again (RFC 9562)."""
    name = _encode([tenant, agent, sequence, detected_at]).decode()
    return str(uuid5(ID_NAMESPACE, name))


def new_trace() -> str:
    """Return a new W3C trace id (32 hexadecimal digits): one a poll, shared by its events."""
    return secrets.token_hex(16)


def event_records(event: AgentStatusChanged, trace: str) -> tuple[Record, Record]:
    """Return the event's record and its row: one value, the same headers, two topics (CloudEvents binary mode).

    Raises:
        EventRefused: not valid under the published schema, larger than `RECORD_LIMIT`, or not encodable.

    """
    value = _checked(event, AGENT_STATUS_CHANGED)
    tenant, agent, at = event.tenant, event.agent.id, event.detected_at
    about = _About(
        id=event_id(tenant, agent, event.sequence, at),
        type=EVENT_TYPE,
        schema=AGENT_STATUS_CHANGED,
        tenant=tenant,
        subject=agent,
        time=at,
    )
    headers = _headers(about, trace)
    record = _measured(Record(topic=EVENTS, key=agent_key(tenant, agent), value=value, headers=headers))
    return record, Record(topic=ROWS, key=record.key, value=value, headers=headers)


def queue_record(status: QueueStatus, trace: str) -> Record:
    """Return a queue's row, with the headers of a CloudEvent.

    Raises:
        EventRefused: as an event.

    """
    value = _checked(status, QUEUE_STATUS)
    tenant, queue, at = status.tenant, status.queue.id, status.detected_at
    about = _About(
        id=str(uuid5(ID_NAMESPACE, _encode(["queue-status", tenant, queue, at]).decode())),
        type=QUEUE_TYPE,
        schema=QUEUE_STATUS,
        tenant=tenant,
        subject=queue,
        time=at,
    )
    return _measured(Record(topic=QUEUES, key=queue_key(tenant, queue), value=value, headers=_headers(about, trace)))


def tombstone(tenant: str, agent: str) -> Record:
    """Return the record that erases an agent's row."""
    return Record(topic=ROWS, key=agent_key(tenant, agent), value=None)


def queue_tombstone(tenant: str, queue: str) -> Record:
    """Return the record that erases a queue's row."""
    return Record(topic=QUEUES, key=queue_key(tenant, queue), value=None)


def tenant_record(status: TenantStatus) -> Record:
    """Return the record of a tenant's status. It holds nothing of the vendor's, so it is never refused."""
    return Record(
        topic=TENANTS,
        key=status.tenant.encode(),
        value=_encode(status),
        headers=(("content-type", b"application/json"), ("dataschema", TENANT_STATUS.encode())),
    )


def _checked(value: AgentStatusChanged | QueueStatus, schema: str) -> bytes:
    """Return the value as JSON that is valid under its schema."""
    try:
        data = _encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        message = f"the event can't be written as JSON: {type(error).__name__}"
        raise EventRefused("invalid", message) from error
    if problem := complaint(schema, data):
        message = f"the event does not fit its schema: {problem}"
        raise EventRefused("invalid", message)
    return data


class _About(Struct, frozen=True):
    """What the attributes of a CloudEvent say."""

    id: str
    type: str
    schema: str
    tenant: str
    subject: str
    time: str


def _headers(about: _About, trace: str) -> Headers:
    """Return CloudEvents' attributes in binary mode."""
    return (
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", about.id.encode()),
        ("ce_source", f"/tenants/{about.tenant}".encode()),
        ("ce_type", about.type.encode()),
        ("ce_subject", about.subject.encode()),
        ("ce_time", about.time.encode()),
        ("ce_dataschema", about.schema.encode()),
        ("traceparent", f"00-{trace}-{secrets.token_hex(8)}-01".encode()),
    )


def _measured(record: Record) -> Record:
    if record.size > RECORD_LIMIT:
        message = f"the record has {record.size} bytes; at most {RECORD_LIMIT} are published"
        raise EventRefused("too_large", message)
    return record
