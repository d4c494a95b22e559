"""The one definition of what is published. Encoder, JSON Schemas and the reference docs are all made from these types.

A new optional field may be added to a version; a field is never removed or given another meaning (docs/decisions/).
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import Meta, Struct

from streamer.model import Basis, ChangeKind, QueueGauges, State

TENANT_PATTERN: Final = r"^[A-Za-z0-9._-]+$"
TIMESTAMP_PATTERN: Final = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"

Timestamp: TypeAlias = Annotated[
    str,
    Meta(
        pattern=TIMESTAMP_PATTERN,
        description="RFC 3339 in UTC with milliseconds and Z.",
        extra_json_schema={"format": "date-time"},
    ),
]
Tenant: TypeAlias = Annotated[str, Meta(pattern=TENANT_PATTERN, description="The tenant's id, as configured.")]
Positive: TypeAlias = Annotated[int, Meta(ge=1)]
Count: TypeAlias = Annotated[int, Meta(ge=0)]
Vendor: TypeAlias = Annotated[
    dict[str, Any],
    Meta(
        description="The vendor's own code and label, then its other status fields, untouched.",
        extra_json_schema={"required": ["code", "label"]},
    ),
]


class Agent(Struct, frozen=True, kw_only=True):
    """The agent, in the vendor's id space."""

    id: Annotated[str, Meta(min_length=1, description="The vendor's id of the agent.")]
    name: Annotated[
        str | None,
        Meta(description="The agent's name; null with `agent_names: false`, and where the vendor tells none."),
    ]


class Span(Struct, frozen=True, kw_only=True):
    """A time known to lie between two others, both included."""

    earliest: Annotated[Timestamp, Meta(description="Not before this.")]
    latest: Annotated[Timestamp, Meta(description="Not after this.")]


class ReasonCode(Struct, frozen=True, kw_only=True):
    """The vendor's reason code."""

    code: Annotated[str | None, Meta(description="Its id.")]
    name: Annotated[str | None, Meta(description="Its name, or short code.")]
    list: Annotated[str | None, Meta(description="The id of the list that it belongs to.")]


class Status(Struct, frozen=True, kw_only=True):
    """A status: canonical first, the vendor's own beside it."""

    state: Annotated[State, Meta(description="Canonical state after CSTA (ECMA-269), or `unknown`.")]
    detail: Annotated[str | None, Meta(description="Refines the state: `break`, `reserved`, `work_offline`, ...")]
    reason: Annotated[ReasonCode | None, Meta(description="The vendor's reason code; null where there is none.")]
    vendor: Vendor
    since: Annotated[Span | None, Meta(description="When this status was entered, in our clock; null where unknown.")]


class Observed(Struct, frozen=True, kw_only=True):
    """The window of the snapshot that showed the change (of the first one without the agent, if it disappeared)."""

    start: Annotated[Timestamp, Meta(description="When the request was sent, less the age that the answer may have.")]
    end: Annotated[Timestamp, Meta(description="When the answer had come in whole.")]


class Occurred(Struct, frozen=True, kw_only=True):
    """When `current` was entered, or the agent left. A `baseline` has no earliest."""

    earliest: Annotated[Timestamp | None, Meta(description="Not before this; null for `baseline`.")]
    latest: Annotated[Timestamp, Meta(description="Not after this.")]
    basis: Annotated[Basis, Meta(description="What the interval rests on.")]


class Duration(Struct, frozen=True, kw_only=True):
    """How long the status just left had lasted, in milliseconds."""

    min: Annotated[Count, Meta(description="At least.")]
    max: Annotated[Count, Meta(description="At most.")]


class AgentStatusChanged(Struct, frozen=True, kw_only=True):
    """One change of one agent's status, as a poll of the vendor's API showed it."""

    tenant: Tenant
    source: Annotated[str, Meta(description="The vendor API that was polled.")]
    agent: Agent
    sequence: Annotated[Positive, Meta(description="Number of this event of the agent, contiguous from 1.")]
    tenant_sequence: Annotated[Positive, Meta(description="Number of this event of the tenant, contiguous from 1.")]
    change: Annotated[
        ChangeKind,
        Meta(
            description="`baseline`: first snapshot ever of the tenant, or first after it was forgotten. `appeared`: "
            "previous is null. `disappeared`: current is null. `resync`: asked for by the operator; the same vendor "
            "status under today's mapping.",
        ),
    ]
    previous: Annotated[Status | None, Meta(description="`current` of the agent's event before, byte for byte.")]
    current: Annotated[Status | None, Meta(description="The status since the change; null for `disappeared`.")]
    observed: Observed
    detected_at: Annotated[Timestamp, Meta(description="When the change was found, in our clock.")]
    occurred: Annotated[Occurred | None, Meta(description="The interval of uncertainty; null for `resync`.")]
    duration_ms: Annotated[
        Duration | None, Meta(description="Null where `previous` or its `since` is, and for `resync`.")
    ]
    missed_transitions: Annotated[Count, Meta(description="Lower bound of transitions that happened unseen.")]
    late: Annotated[
        bool,
        Meta(description="True where `occurred.earliest` may lie before a `complete_through` told earlier."),
    ]


Health: TypeAlias = Literal[
    "ok",
    "degraded",
    "failing",
    "auth_failed",
    "not_enabled",
    "paused",
    "unconfigured",
    "forgotten",
]


class TenantStatus(Struct, frozen=True, kw_only=True):
    """How complete a tenant's stream is, and how the tenant fares. Silence beside a fresh one means: no change."""

    tenant: Tenant
    source: Annotated[str, Meta(description="The vendor API that is polled: the id space of the agents.")]
    health: Annotated[
        Health,
        Meta(
            description="`ok`: polled. `degraded`: polled, but the watermark waits. `failing`: polls fail. "
            "`auth_failed`, `not_enabled`: parked. `paused`: by the operator. `unconfigured`: rows but no config. "
            "`forgotten`: its rows were erased.",
        ),
    ]
    health_since: Annotated[Timestamp, Meta(description="Since when the health is what it is.")]
    complete_through: Annotated[
        Timestamp | None,
        Meta(
            description="Every later event of the tenant has `occurred.earliest` at or after this, or says `late`. "
            "Never decreases.",
        ),
    ]
    tenant_sequence: Annotated[
        Count,
        Meta(description="Who has read the event with this number has all that `complete_through` covers."),
    ]
    resolution_ms: Annotated[
        Count | None,
        Meta(description="Every status held longer than this up to `complete_through` is in the stream."),
    ]
    assumed_age_ms: Annotated[Count, Meta(description="How old the vendor's cached answer may be.")]
    interval_ms: Annotated[Positive | None, Meta(description="Time between two polls; null without config.")]
    agents: Annotated[Count, Meta(description="Agents with a current status.")]
    agents_by_state: Annotated[dict[str, int], Meta(description="The same by canonical state.")]
    resync: Annotated[str | None, Meta(description="The newest resync token that was carried out.")]
    reported_at: Annotated[Timestamp, Meta(description="When this record was made, in our clock.")]
    resyncs: Annotated[
        tuple[str, ...],
        Meta(description="The last tokens that were carried out, the newest at the end. Missing in older records."),
    ] = ()


class QueueName(Struct, frozen=True, kw_only=True):
    """The queue, in the vendor's id space."""

    id: Annotated[str, Meta(min_length=1, description="The vendor's id of the queue.")]
    name: Annotated[str | None, Meta(description="The queue's name.")]


class Looked(Struct, frozen=True, kw_only=True):
    """The window of the answer that showed all this: it was true at some moment in it."""

    start: Annotated[Timestamp, Meta(description="When the request was sent, less the age that the answer may have.")]
    end: Annotated[Timestamp, Meta(description="When the answer had come in whole.")]


class QueueStatus(Struct, frozen=True, kw_only=True):
    """What a queue showed when its row was last written. A gauge, no event: what came and went between is not told."""

    tenant: Tenant
    source: Annotated[str, Meta(description="The vendor API that was polled.")]
    queue: QueueName
    media: Annotated[str | None, Meta(description="What the queue holds, in the vendor's word: `phone`, `chat`, ...")]
    type: Annotated[str | None, Meta(description="The vendor's type of the queue.")]
    gauges: QueueGauges
    counters: Annotated[
        dict[str, Any],
        Meta(
            description="The vendor's totals and means of the day and of the last 30 minutes, under its own names, as "
            "they were then. They do not have a row written.",
        ),
    ]
    observed: Looked
    detected_at: Annotated[Timestamp, Meta(description="When this was looked at, in our clock.")]
