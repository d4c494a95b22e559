"""The values that flow from a vendor's answer to an event: immutable, without behaviour of their own.

Every time is an int, milliseconds since the Unix epoch in UTC (`Millis`); RFC 3339 appears only at the edges.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Annotated, Any, Final, Literal, Protocol, TypeAlias, get_args

from msgspec import Meta, Struct

Millis: TypeAlias = int
"""Milliseconds: since the Unix epoch (a time) or as a length (a duration)."""

State: TypeAlias = Literal["logged_out", "not_ready", "ready", "busy", "working_after_call", "unknown"]
"""The canonical agent states: those of CSTA (ECMA-269, agent state model), plus `unknown`."""

STATES: Final[tuple[str, ...]] = get_args(State)

Basis: TypeAlias = Literal["poll_bounds", "vendor_since", "time_in_status"]
"""What the time of a change rests on."""

ChangeKind: TypeAlias = Literal["baseline", "appeared", "changed", "disappeared", "resync"]


class Interval(Struct, frozen=True, gc=False):
    """A time that is known to lie in `[earliest, latest]`, in our clock."""

    earliest: Millis
    latest: Millis


class Window(Struct, frozen=True, gc=False):
    """When a snapshot was taken, in our clock: what it shows was true at some moment in `[start, end]`."""

    start: Millis
    end: Millis


class Reason(Struct, frozen=True):
    """The vendor's reason code of a status (a break's code, say)."""

    code: str | None
    name: str | None
    list: str | None


class Unmapped(Struct, frozen=True):
    """A part of a vendor's status that no mapping knows: the vendor's field, and what it says.

    `key` is the key of `status_map` that would name it; None where no key can.
    """

    field: str
    code: str
    key: str | None = None


class Meaning(Struct, frozen=True):
    """What a vendor's status means in canonical terms; `unmapped` holds the parts of it that no mapping knew."""

    state: State
    detail: str | None = None
    reason: Reason | None = None
    unmapped: tuple[Unmapped, ...] = ()


class AgentStatus(Struct, frozen=True, gc=False):
    """One agent as one snapshot shows it.

    `vendor` is what events publish under `vendor`: `code` and `label`, then the vendor's own fields, untouched.
    `significant` decides alone whether a status changed; `entered` is the vendor's own time of entry, if it tells.
    """

    agent: str
    name: str | None
    vendor: Mapping[str, Any]
    significant: Hashable
    entered: Interval | None = None
    basis: Basis = "poll_bounds"


class Snapshot(Struct, frozen=True):
    """All agents of a tenant as one complete poll shows them, by agent id. Anything less is an error, never this.

    `version` is for a vendor that answers from a cache: equal where the very same data was shown again, different
    where the cache was refreshed, though no status changed. None: that can't be told.

    `unknown_fields` are the paths of fields that the vendor's document does not show, as `data[].mood`, in all that was
    read anew for this snapshot: an item that is as it was is not read again.
    """

    tenant: str
    window: Window
    agents: Mapping[str, AgentStatus]
    version: Hashable | None = None
    unknown_fields: frozenset[str] = frozenset()


Gauge: TypeAlias = Annotated[int, Meta(ge=0)]


class QueueGauges(Struct, frozen=True, kw_only=True):
    """What a queue shows at one moment; null where the vendor does not tell."""

    agents_available: Annotated[Gauge | None, Meta(description="Agents free to take from this queue.")] = None
    agents_busy: Annotated[Gauge | None, Meta(description="Agents busy, with this queue or another.")] = None
    agents_post_processing: Annotated[Gauge | None, Meta(description="Agents in work after a call.")] = None
    agents_on_break: Annotated[Gauge | None, Meta(description="Agents on break.")] = None
    agents_work_offline: Annotated[Gauge | None, Meta(description="Agents working offline.")] = None
    agents_logged_out: Annotated[Gauge | None, Meta(description="Agents logged out.")] = None
    agents_assigned: Annotated[Gauge | None, Meta(description="Agents assigned to this queue.")] = None
    agents_enabled: Annotated[Gauge | None, Meta(description="Agents enabled in this queue.")] = None
    waiting: Annotated[Gauge | None, Meta(description="Interactions that wait in the queue.")] = None
    offered: Annotated[Gauge | None, Meta(description="Interactions that are being offered to agents.")] = None
    in_progress: Annotated[Gauge | None, Meta(description="Agents at work on interactions of this queue.")] = None
    longest_wait_seconds: Annotated[
        Gauge | None, Meta(description="How long the one has waited that waits longest.")
    ] = None
    sla_activity_percent: Annotated[Gauge | None, Meta(description="The vendor's current SLA activity.")] = None
    sla_target: Annotated[
        Gauge | None, Meta(description="The target of the queue's SLA, in hours by the vendor's document; 0: none.")
    ] = None


class Queue(Struct, frozen=True):
    """One queue as one answer shows it. `counters` are the vendor's running totals and means, under its own names."""

    id: str
    name: str | None
    media: str | None
    type: str | None
    gauges: QueueGauges
    counters: Mapping[str, Any] = {}


class QueueSnapshot(Struct, frozen=True):
    """All queues of a tenant as one complete answer shows them, by queue id; `unknown_fields` as of `Snapshot`."""

    window: Window
    queues: Mapping[str, Queue]
    unknown_fields: frozenset[str] = frozenset()


class Transition(Struct, frozen=True):
    """How a status that a snapshot shows differs from the stored one: `same` if nothing significant does.

    `entered` is the vendor's time of the entry, if it tells one; `missed` how many transitions must have happened
    unseen, at the least: with any, the status changed although it is the same. `older`: by the vendor's times this is
    an older view of the agent than the stored one.
    """

    same: bool
    entered: Interval | None = None
    missed: int = 0
    older: bool = False


class Vocabulary(Protocol):
    """What a source knows of its vendor's fields; all that the differ needs to know of a source."""

    @property
    def name(self) -> str:
        """The source's name in the config, `8x8-agent-status` say."""

    def transition(self, before: Mapping[str, Any], since: Interval | None, status: AgentStatus) -> Transition:
        """Compare a stored status (`vendor` as published, and when it was entered) with what a snapshot shows."""

    def interpret(self, vendor: Mapping[str, Any]) -> Meaning:
        """What `vendor` (as published) means under today's mapping. Never raises: the unmapped is `unknown`."""
