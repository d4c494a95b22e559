"""Building the state of a shard's tenants from its two tables, whichever store they lie in.

A row is the agent's last event, byte for byte. A record that can't be read is never dropped: its tenant is not polled
until somebody looked at it, and all other tenants go on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Raw, Struct

from streamer.clock import parse_rfc3339
from streamer.diff.state import Row, TenantState
from streamer.events.record import CLAIM_KEY, ROWS, TENANTS, Stored, agent_key, partition_of, tenant_of
from streamer.model import Interval, Window
from streamer.store.engine import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class _Span(Struct, frozen=True):
    earliest: str | None
    latest: str


class _Name(Struct, frozen=True):
    id: str
    name: str | None = None


class _Window(Struct, frozen=True):
    start: str
    end: str


class _Event(Struct, frozen=True):
    tenant: str
    source: str
    agent: _Name
    sequence: int
    tenant_sequence: int
    current: Raw
    observed: _Window
    detected_at: str
    occurred: _Span | None


class _Status(Struct, frozen=True):
    state: str
    vendor: dict[str, Any]
    since: _Span | None


class _Tenant(Struct, frozen=True):
    tenant: str
    source: str
    health: str
    health_since: str
    complete_through: str | None
    tenant_sequence: int
    resync: str | None = None


UNREADABLE: Final = Row(
    sequence=0,
    current=None,
    state=None,
    vendor=None,
    since=None,
    name=None,
    observed=Window(start=0, end=0),
    detected_at=0,
)
"""Stands for a row that can't be read: its key is known, so that it can be erased, and its tenant has a `fault`."""

_OTHER_KEY: Final = "its tenant and agent are not those of its key"

_read_event: Final = msgspec.json.Decoder(_Event)
_read_status: Final = msgspec.json.Decoder(_Status | None)
_read_tenant: Final = msgspec.json.Decoder(_Tenant)


def restore(records: Iterable[Stored], *, shard: int, shards: int) -> dict[str, TenantState]:
    """Return the state of each tenant that has a row or a record, from the records of both tables in their order.

    Raises:
        StoreError: a key lies in another partition than `shards` says: the partition count was changed.

    """
    rows: dict[str, dict[str, Row]] = defaultdict(dict)
    sequences: Counter[str] = Counter()
    sources: dict[str, str] = {}
    tenants: dict[str, TenantState] = {}
    faults: dict[str, str] = {}
    for last in _newest(records):
        tenant = _owner(last, shard=shard, shards=shards)
        if tenant is None or last.value is None:
            continue
        agent = last.key.partition(b"|")[2].decode(errors="surrogateescape")
        try:
            if last.topic == TENANTS:
                tenants[tenant] = _tenant(_read_tenant.decode(last.value), tenant)
            else:
                rows[tenant][agent] = UNREADABLE
                event = _read_event.decode(last.value)
                _check_key(event, last.key)
                rows[tenant][agent] = _row(event)
                sources[tenant] = event.source
                sequences[tenant] = max(sequences[tenant], event.tenant_sequence)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            faults[tenant] = f"{last.place} can't be read: {_without_values(error)}"
    return {
        tenant: msgspec.structs.replace(
            _state(tenant, rows[tenant], sequences[tenant], sources.get(tenant), tenants.get(tenant)),
            fault=faults.get(tenant),
        )
        for tenant in sorted({*rows, *tenants, *faults})
    }


def _newest(records: Iterable[Stored]) -> Iterable[Stored]:
    newest: dict[tuple[str, bytes], Stored] = {}
    for record in records:
        newest[(record.topic, record.key)] = record
    return newest.values()


def _owner(record: Stored, *, shard: int, shards: int) -> str | None:
    if record.key == CLAIM_KEY:
        return None
    try:
        tenant = tenant_of(record.key)
    except UnicodeDecodeError:
        tenant = ""
    if not tenant or (record.topic == ROWS) != (b"|" in record.key):
        message = f"{record.place}: the key is none of ours; is the topic used by something else? Use another prefix"
        raise StoreError(message)
    home = partition_of(tenant, shards)
    if home != shard:
        message = (
            f"{record.place}: tenant {tenant} belongs to partition {home} of {shards}, but lies in {shard}: the "
            "number of partitions was changed. Set kafka.partitions back, or start anew under another topic_prefix"
        )
        raise StoreError(message)
    return tenant


def _row(event: _Event) -> Row:
    status = _read_status.decode(event.current)
    observed = Window(start=parse_rfc3339(event.observed.start), end=parse_rfc3339(event.observed.end))
    return Row(
        sequence=event.sequence,
        current=None if status is None else event.current.copy(),
        state=None if status is None else status.state,
        vendor=None if status is None else status.vendor,
        since=None if status is None else _interval(status.since),
        name=event.agent.name,
        observed=observed,
        detected_at=parse_rfc3339(event.detected_at),
        left=_interval(event.occurred) if status is None else None,
    )


def _interval(span: _Span | None) -> Interval | None:
    if span is None or span.earliest is None:
        return None
    return Interval(earliest=parse_rfc3339(span.earliest), latest=parse_rfc3339(span.latest))


def _tenant(record: _Tenant, tenant: str) -> TenantState:
    if record.tenant != tenant:
        raise msgspec.ValidationError(_OTHER_KEY)
    return TenantState(
        tenant=tenant,
        source=record.source,
        sequence=record.tenant_sequence,
        complete_through=None if record.complete_through is None else parse_rfc3339(record.complete_through),
        resync=record.resync,
        health=record.health,
        health_since=parse_rfc3339(record.health_since),
    )


def _check_key(event: _Event, key: bytes) -> None:
    if agent_key(event.tenant, event.agent.id) != key:
        raise msgspec.ValidationError(_OTHER_KEY)


def _state(
    tenant: str,
    rows: Mapping[str, Row],
    sequence: int,
    source: str | None,
    record: TenantState | None,
) -> TenantState:
    state = record or TenantState(tenant=tenant, source=source)
    by_state = Counter(row.state for row in rows.values() if row.state is not None)
    return msgspec.structs.replace(state, rows=rows, sequence=max(sequence, state.sequence), by_state=dict(by_state))


def _without_values(error: Exception) -> str:
    """Say what is wrong, without the personal data that a value may be."""
    match error:
        case msgspec.DecodeError():
            return str(error)
        case UnicodeDecodeError():
            return "its text is not UTF-8"
        case RecursionError():
            return "it is nested too deeply"
        case _:
            return "a time in it is not RFC 3339"
