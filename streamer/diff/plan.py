"""From a snapshot to what shall be committed: its events, and the tenant's state once they are.

Each event is built, validated and measured on its own, before anything of it may join a transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from streamer.clock import rfc3339
from streamer.diff.absence import AbsenceRules
from streamer.diff.bounds import duration
from streamer.diff.differ import Change, Difference, diff, settle
from streamer.diff.state import Pending, Row, TenantState
from streamer.events.definition import (
    Agent,
    AgentStatusChanged,
    Duration,
    Observed,
    Occurred,
    ReasonCode,
    Span,
    Status,
)
from streamer.events.encode import EventRefused, embedded, encode_status, event_records, new_trace
from streamer.events.record import Record
from streamer.model import ChangeKind, Interval, Meaning, Millis, Snapshot, Unmapped, Vocabulary, Window


class Published(Struct, frozen=True):
    """What subscribers may want to know of one event; `agent` and `name` are for who was told to show agents."""

    agent: str
    name: str | None
    before: str | None
    state: str | None
    detection_delay: Millis | None
    uncertainty: Millis | None
    missed: int
    unmapped: tuple[Unmapped, ...] = ()


class Plan(Struct, frozen=True):
    """What to commit: `records`, and the tenant's `state` once they are.

    `published` has one entry an event; `refused` the reasons of the events that must not be published, whose agents
    keep their stored state. `difference` is None where no snapshot was compared.
    """

    records: tuple[Record, ...]
    state: TenantState
    published: tuple[Published, ...] = ()
    refused: tuple[EventRefused, ...] = ()
    difference: Difference | None = None


class PollRules(Struct, frozen=True):
    """How a tenant's snapshots are judged. While our clock is off (`absence` says so) the watermark waits."""

    absence: AbsenceRules
    names: bool = True


class Occasion(Struct, frozen=True):
    """What happened to one agent, in the event's terms: what differs between a change and a resync."""

    agent: str
    kind: ChangeKind
    row: Row | None
    name: str | None
    vendor: Mapping[str, Any] | None
    since: Interval | None
    observed: Window
    occurred: Occurred | None = None
    duration: Duration | None = None
    left: Interval | None = None
    missed: int = 0
    late: bool = False


def plan_poll(
    state: TenantState,
    snapshot: Snapshot,
    *,
    vocabulary: Vocabulary,
    rules: PollRules,
    now: Millis,
) -> Plan:
    """Return what a snapshot leads to. `now` is when it was looked at, in our clock; pure but for the trace's id."""
    difference = diff(state, snapshot, vocabulary=vocabulary, rules=rules.absence)
    writer = Writer(state, vocabulary=vocabulary, now=now)
    refused: dict[str, Pending] = {}
    for change in difference.changes:
        if not writer.write(_occasion(change, names=rules.names)):
            refused[change.agent] = _refused(change, rules.absence)
    watch = difference.watch
    if refused:
        pending = {**watch.pending, **refused}
        watch = msgspec.structs.replace(watch, pending=pending, settled=settle(watch.settled, pending))
    reached = min([watch.shown or 0, *(each.lower for each in watch.pending.values())])
    before = state.complete_through
    complete = before if rules.absence.clock_is_off else max(before or 0, reached)
    after = msgspec.structs.replace(
        writer.state(), source=vocabulary.name, complete_through=complete, watch=watch, health=None
    )
    return writer.plan(after, difference)


def _refused(change: Change, rules: AbsenceRules) -> Pending:
    """Return what is pending of an agent whose event was refused; a disappearance keeps its count, to be tried again."""
    if change.status is not None:
        return Pending(lower=change.lower)
    return Pending(lower=change.lower, missing=rules.absent_after, first_missing=change.observed)


def _occasion(change: Change, *, names: bool) -> Occasion:
    bounds, status, row = change.bounds, change.status, change.row
    name = status.name if status is not None else row.name if row is not None else None
    lasted = None
    if row is not None and (before := row.status) is not None:
        lasted = duration(before.since, change.lower, bounds)
    return Occasion(
        agent=change.agent,
        kind=change.kind,
        row=row,
        name=name if names else None,
        vendor=None if status is None else status.vendor,
        since=None if status is None else bounds.since,
        observed=change.observed,
        occurred=Occurred(
            earliest=None if bounds.earliest is None else rfc3339(bounds.earliest),
            latest=rfc3339(bounds.latest),
            basis=bounds.basis,
        ),
        duration=None if lasted is None else Duration(min=lasted[0], max=lasted[1]),
        left=bounds.since if status is None else None,
        missed=change.missed,
        late=bounds.late,
    )


class Writer:
    """Turns occasions into records one by one, numbering only what is not refused."""

    def __init__(self, state: TenantState, *, vocabulary: Vocabulary, now: Millis) -> None:
        """Start from a tenant's committed state; `now` becomes each event's `detected_at`."""
        self._before = state
        self._vocabulary = vocabulary
        self._now = now
        self._trace = new_trace()
        self._sequence = state.sequence
        self._by_state = Counter(state.by_state)
        self._rows: dict[str, Row] = {}
        self._records: list[Record] = []
        self._published: list[Published] = []
        self._refused: list[EventRefused] = []

    def write(self, occasion: Occasion) -> bool:
        """Build the event of an occasion; False if it is refused and its agent keeps its stored state."""
        meaning = None if occasion.vendor is None else self._vocabulary.interpret(occasion.vendor)
        try:
            current = None if meaning is None else encode_status(_status(occasion, meaning))
            records = event_records(self._event(occasion, current), self._trace)
        except EventRefused as refusal:
            self._refused.append(refusal)
            return False
        self._sequence += 1
        self._records += records
        state = None if meaning is None else meaning.state
        self._count(occasion.row, state)
        self._rows[occasion.agent] = Row(
            sequence=_next_sequence(occasion.row),
            current=current,
            state=state,
            name=occasion.name,
            observed=occasion.observed,
            detected_at=self._now,
            left=occasion.left,
        )
        self._published.append(self._summary(occasion, meaning))
        return True

    def state(self) -> TenantState:
        """Return the tenant's state once all that was written is committed."""
        if not self._rows:
            return self._before
        return msgspec.structs.replace(
            self._before,
            rows={**self._before.rows, **self._rows},
            sequence=self._sequence,
            by_state=dict(+self._by_state),
        )

    def plan(self, state: TenantState, difference: Difference | None = None) -> Plan:
        """Return all that was written as a plan that leads to `state`."""
        return Plan(
            records=tuple(self._records),
            state=state,
            published=tuple(self._published),
            refused=tuple(self._refused),
            difference=difference,
        )

    def _event(self, occasion: Occasion, current: bytes | None) -> AgentStatusChanged:
        # Statuses are embedded as the bytes that they were encoded to: `previous` is the stored `current` as it was,
        # fields of later releases included.
        row = occasion.row
        return AgentStatusChanged(
            tenant=self._before.tenant,
            source=self._vocabulary.name,
            agent=Agent(id=occasion.agent, name=occasion.name),
            sequence=_next_sequence(row),
            tenant_sequence=self._sequence + 1,
            change=occasion.kind,
            previous=embedded(None if row is None else row.current),
            current=embedded(current),
            observed=Observed(start=rfc3339(occasion.observed.start), end=rfc3339(occasion.observed.end)),
            detected_at=rfc3339(self._now),
            occurred=occasion.occurred,
            duration_ms=occasion.duration,
            missed_transitions=occasion.missed,
            late=occasion.late,
        )

    def _count(self, row: Row | None, state: str | None) -> None:
        if row is not None and row.state is not None:
            self._by_state[row.state] -= 1
        if state is not None:
            self._by_state[state] += 1

    def _summary(self, occasion: Occasion, meaning: Meaning | None) -> Published:
        entered = occasion.left if meaning is None else occasion.since
        timed = entered is not None and occasion.kind not in {"baseline", "resync"}
        return Published(
            agent=occasion.agent,
            name=occasion.name,
            before=None if occasion.row is None else occasion.row.state,
            state=None if meaning is None else meaning.state,
            detection_delay=self._now - (entered.earliest + entered.latest) // 2 if timed and entered else None,
            uncertainty=entered.latest - entered.earliest if timed and entered else None,
            missed=occasion.missed,
            unmapped=() if meaning is None else meaning.unmapped,
        )


def _next_sequence(row: Row | None) -> int:
    return 1 if row is None else row.sequence + 1


def _status(occasion: Occasion, meaning: Meaning) -> Status:
    reason = meaning.reason
    return Status(
        state=meaning.state,
        detail=meaning.detail,
        reason=None if reason is None else ReasonCode(code=reason.code, name=reason.name, list=reason.list),
        vendor=dict(occasion.vendor or {}),
        since=None if occasion.since is None else _span(occasion.since),
    )


def _span(interval: Interval) -> Span:
    return Span(earliest=rfc3339(interval.earliest), latest=rfc3339(interval.latest))
