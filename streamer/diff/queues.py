"""From an answer with a tenant's queues to the rows that are to be written. Pure functions like the differ.

Queues are gauges: nobody is promised every change, but that a row is not far from what the vendor shows. A row is
written when anything but the counters has moved, at most once a minute, and at once when a threshold is crossed.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from streamer.clock import rfc3339
from streamer.diff.state import QueueRow, TenantState
from streamer.events.definition import Looked, QueueName, QueueStatus
from streamer.events.encode import EventRefused, new_trace, queue_record, queue_tombstone
from streamer.events.record import Record
from streamer.model import Millis, Queue, QueueSnapshot, Window

SPACING: Final[Millis] = 60_000
"""A queue's row is written at most once in so long, unless a threshold is crossed."""

HOUR: Final = 3600
"""Seconds. The vendor's document gives targets in hours."""


class QueuePlan(Struct, frozen=True):
    """What to commit: `records`, and the tenant's `state` once they are.

    `written` and `erased` count its rows; `refused` are the reasons of those that must not be published.
    """

    records: tuple[Record, ...]
    state: TenantState
    written: int = 0
    erased: int = 0
    refused: tuple[EventRefused, ...] = ()


def plan_queues(
    state: TenantState, snapshot: QueueSnapshot, *, source: str, absent_after: int, now: Millis
) -> QueuePlan:
    """Return what an answer leads to; `now` is when it was looked at, in our clock. Pure but for the trace's id."""
    rows = {id_: msgspec.structs.replace(row, missing=row.missing + 1) for id_, row in state.queues.items()}
    gone = sorted(id_ for id_, row in rows.items() if id_ not in snapshot.queues and row.missing >= absent_after)
    for each in gone:
        del rows[each]
    records = [queue_tombstone(state.tenant, each) for each in gone]
    refused: list[EventRefused] = []
    trace = new_trace()
    for id_, queue in sorted(snapshot.queues.items()):
        before, told = state.queues.get(id_), msgspec.structs.replace(queue, counters={})
        if before is not None:
            rows[id_] = msgspec.structs.replace(before, missing=0)
        if before is None or is_due(before, told, now=now):
            status = _status(queue, tenant=state.tenant, source=source, window=snapshot.window, now=now)
            try:
                records.append(queue_record(status, trace))
            except EventRefused as refusal:
                refused.append(refusal)
            else:
                rows[id_] = QueueRow(told=told, written=now)
    return QueuePlan(
        records=tuple(records),
        state=msgspec.structs.replace(state, queues=rows),
        written=len(records) - len(gone),
        erased=len(gone),
        refused=tuple(refused),
    )


def erase_queues(state: TenantState) -> QueuePlan:
    """Erase the rows of all queues of a tenant."""
    records = tuple(queue_tombstone(state.tenant, each) for each in sorted(state.queues))
    return QueuePlan(records=records, state=msgspec.structs.replace(state, queues={}), erased=len(records))


def is_due(row: QueueRow, shown: Queue, *, now: Millis) -> bool:
    """Tell whether a row is to be written anew, now that its queue is `shown` so; counters are not looked at.

    A row that was written in the future, by our clock, is taken for an old one: whose clock was wrong is not known.
    """
    if row.told is None:
        return True
    if row.told == shown:
        return False
    return thresholds(row.told) != thresholds(shown) or not 0 <= now - row.written < SPACING


def thresholds(queue: Queue) -> tuple[bool, bool]:
    """Return whether somebody waits, and whether somebody has waited for as long as the queue's target, if it has one."""
    gauges = queue.gauges
    target = (gauges.sla_target or 0) * HOUR
    return (gauges.waiting or 0) > 0, 0 < target <= (gauges.longest_wait_seconds or 0)


def _status(queue: Queue, *, tenant: str, source: str, window: Window, now: Millis) -> QueueStatus:
    return QueueStatus(
        tenant=tenant,
        source=source,
        queue=QueueName(id=queue.id, name=queue.name),
        media=queue.media,
        type=queue.type,
        gauges=queue.gauges,
        counters=dict(queue.counters),
        observed=Looked(start=rfc3339(window.start), end=rfc3339(window.end)),
        detected_at=rfc3339(now),
    )
