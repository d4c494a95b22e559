"""Building the state of a shard's tenants from its tables, whichever store they lie in.

A row is the agent's last event, byte for byte. A record that can't be read is never dropped: its tenant is not polled
until somebody looked at it, and all other tenants go on.

Every row is read once, all of what polling relies on, so that nothing that can't be used is found out later. That is
the cost of a take-over: some microseconds an agent, so it is done a piece at a time.
"""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Raw, Struct

from streamer.clock import millis
from streamer.diff.state import QueueRow, Row, TenantState
from streamer.diff.stored_status import Moment, Span, read_status
from streamer.events.damaged import DAMAGED, what_is_wrong
from streamer.events.definition import Count, Positive
from streamer.events.record import CLAIM_KEY, QUEUES, TABLES, TENANTS, Stored, Topic, partition_of, tenant_of
from streamer.model import Queue, QueueGauges, Window
from streamer.store.engine import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable


class _Agent(Struct, frozen=True, gc=False):
    id: str
    name: str | None = None


class _Window(Struct, frozen=True, gc=False):
    start: Moment
    end: Moment


class _Event(Struct, frozen=True, gc=False):
    tenant: str
    source: str
    agent: _Agent
    sequence: Positive
    tenant_sequence: Positive
    current: Raw
    observed: _Window
    detected_at: Moment
    occurred: Span | None


class _QueueRow(Struct, frozen=True, gc=False):
    tenant: str
    queue: _Agent
    media: str | None
    type: str | None
    gauges: QueueGauges
    detected_at: Moment


class _TenantRecord(Struct, frozen=True, gc=False):
    tenant: str
    source: str
    health: str
    health_since: Moment
    complete_through: Moment | None
    tenant_sequence: Count
    resync: str | None = None
    resyncs: tuple[str, ...] = ()


UNREADABLE: Final = Row(sequence=0, current=None, state=None, name=None, observed=Window(start=0, end=0), detected_at=0)
"""Stands for a row that can't be read: its key is known, so that it can be erased, and its tenant has a `fault`."""

_OTHER_KEY: Final = "its tenant and agent are not those of its key"
_GONE: Final = b"null"

_read_event: Final = msgspec.json.Decoder(_Event).decode
_read_queue: Final = msgspec.json.Decoder(_QueueRow).decode
_read_tenant: Final = msgspec.json.Decoder(_TenantRecord).decode


def restore(records: Iterable[Stored], *, shard: int, shards: int) -> dict[str, TenantState]:
    """Return the state of each tenant that has a row or a record, from the records of all tables in their order.

    Raises:
        StoreError: a key lies in another partition than `shards` says: the partition count was changed.

    """
    restoration = Restoration(shard=shard, shards=shards)
    for record in records:
        restoration.take(record)
    restoration.work()
    return restoration.tenants()


class Restoration:
    """The records of one shard on their way to its tenants' state: `take` them all, `work` until that is done.

    Of each key only the newest record counts, and only that one is ever read.
    """

    def __init__(self, *, shard: int, shards: int) -> None:
        """Take the shard's number, and how many there are."""
        self._shard = shard
        self._shards = shards
        self._newest: dict[Topic, dict[bytes, Stored]] = {topic: {} for topic in TABLES}
        self._tenants: dict[bytes, _Tenant] = {}

    def take(self, record: Stored) -> None:
        """Take the next record of a table."""
        self._newest[record.topic][record.key] = record

    @property
    def left(self) -> int:
        """How many of the records that were taken are still to be read."""
        return sum(map(len, self._newest.values()))

    def work(self, most: int = sys.maxsize) -> bool:
        """Read at most so many of the records that were taken, all by default; False once there are no more.

        Raises:
            StoreError: see `restore`.

        """
        for newest in self._newest.values():
            while newest and most:
                self._read(newest.popitem()[1])
                most -= 1
        return any(self._newest.values())

    def tenants(self) -> dict[str, TenantState]:
        """Return the state of each tenant."""
        found = {each.name: each.state() for each in self._tenants.values() if not each.empty}
        return dict(sorted(found.items()))

    def _read(self, record: Stored) -> None:
        if record.key == CLAIM_KEY:
            return
        head, bar, name = record.key.partition(b"|")
        if not head or (record.topic != TENANTS) != bool(bar):
            raise _foreign(record)
        tenant = self._tenants.get(head) or self._new_tenant(record)
        if record.value is not None:
            try:
                if record.topic == TENANTS:
                    tenant.take_record(record.value)
                elif record.topic == QUEUES:
                    tenant.take_queue(name.decode(errors="surrogateescape"), record.value)
                else:
                    tenant.take_row(name.decode(errors="surrogateescape"), record.value)
            except DAMAGED as error:
                tenant.fault = f"{record.place} can't be read: {what_is_wrong(error)}"

    def _new_tenant(self, record: Stored) -> _Tenant:
        try:
            name = tenant_of(record.key)
        except UnicodeDecodeError:
            raise _foreign(record) from None
        home = partition_of(name, self._shards)
        if home != self._shard:
            raise StoreError(
                f"{record.place}: tenant {name} belongs to partition {home} of {self._shards}, but lies in "
                f"{self._shard}: the number of partitions was changed. Set kafka.partitions back, or start anew under "
                "another topic_prefix"
            )
        return self._tenants.setdefault(name.encode(), _Tenant(name))


class _Tenant:
    """One tenant's part of what was read so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fault: str | None = None
        self._record: TenantState | None = None
        self._source: str | None = None
        self._rows: dict[str, Row] = {}
        self._sequence = 0
        self._by_state: Counter[str] = Counter()
        self._queues: dict[str, QueueRow] = {}

    @property
    def empty(self) -> bool:
        """Whether there were tombstones alone."""
        return not (self._rows or self._record or self._queues or self.fault)

    def take_row(self, agent: str, value: bytes) -> None:
        self._rows[agent] = UNREADABLE
        event = _read_event(value)
        if (event.tenant, event.agent.id) != (self.name, agent):
            raise msgspec.ValidationError(_OTHER_KEY)
        current = bytes(event.current)
        status = None if current == _GONE else read_status(current)
        span = event.occurred if status is None else status.span
        interval = None if span is None else span.interval  # a status is read anew when it is left: it must be readable
        self._rows[agent] = row = Row(
            sequence=event.sequence,
            current=None if status is None else current,
            state=None if status is None else sys.intern(status.state),
            name=event.agent.name,
            observed=Window(millis(event.observed.start), millis(event.observed.end)),
            detected_at=millis(event.detected_at),
            left=interval if status is None else None,
        )
        self._source = event.source
        self._sequence = max(self._sequence, event.tenant_sequence)
        if row.state is not None:
            self._by_state[row.state] += 1

    def take_record(self, value: bytes) -> None:
        told = _read_tenant(value)
        if told.tenant != self.name:
            raise msgspec.ValidationError(_OTHER_KEY)
        self._record = TenantState(
            tenant=self.name,
            source=told.source,
            sequence=told.tenant_sequence,
            complete_through=None if told.complete_through is None else millis(told.complete_through),
            resync=told.resync,
            resyncs=told.resyncs,
            health=told.health,
            health_since=millis(told.health_since),
        )

    def take_queue(self, queue: str, value: bytes) -> None:
        """Take a queue's row. Nothing goes on from what it says, so one that can't be read is only written again."""
        self._queues[queue] = QueueRow(told=None, written=0)
        with suppress(*DAMAGED):
            row = _read_queue(value)
            told = Queue(id=row.queue.id, name=row.queue.name, media=row.media, type=row.type, gauges=row.gauges)
            if (row.tenant, told.id) == (self.name, queue):
                self._queues[queue] = QueueRow(told=told, written=millis(row.detected_at))

    def state(self) -> TenantState:
        """Return all that is known of the tenant. What its record says of the source goes before what its rows do."""
        record = self._record or TenantState(tenant=self.name, source=self._source)
        return msgspec.structs.replace(
            record,
            rows=self._rows,
            sequence=max(self._sequence, record.sequence),
            by_state=dict(self._by_state),
            fault=self.fault,
            queues=self._queues,
        )


def _foreign(record: Stored) -> StoreError:
    return StoreError(
        f"{record.place}: the key is none of ours; is the topic used by something else? Use another prefix"
    )
