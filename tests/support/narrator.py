"""Real records of a tenant whose agents change status: valid events, their rows and the tenant's status."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamer.clock import rfc3339
from streamer.events.definition import AgentStatusChanged, TenantStatus
from streamer.events.encode import event_records, new_trace, tenant_record
from streamer.events.examples import CHANGED, TENANT
from streamer.events.record import EVENTS, ROWS, TENANTS, Record, Stored, agent_key, partition_of
from streamer.store.restore import restore
from streamer.store.shard import Update

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamer.diff.state import TenantState

BEGIN: Final = 1_795_262_400_000
"""2026-11-21T12:00:00Z."""


def tenant_in(shard: int, shards: int, *, skip: int = 0) -> str:
    """Return the id of a tenant that belongs to a shard; `skip` of them are passed over."""
    found = (name for number in range(10_000) if partition_of(name := f"tenant-{number}", shards) == shard)
    for _ in range(skip):
        next(found)
    return next(found)


def stored(records: Iterable[Record], *, partition: int = 0) -> list[Stored]:
    """Return records as they are read from their tables."""
    return [
        Stored(each.topic, partition, offset, each.key, each.value, each.headers)
        for offset, each in enumerate(records)
        if each.topic != EVENTS
    ]


class Narrator:
    """Tells what happens to a tenant next, going on from the state that was restored."""

    def __init__(self, state: TenantState, *, shards: int = 1) -> None:
        self.state = state
        self._shards = shards
        self._last = {agent: msgspec.json.decode(row.current) for agent, row in state.rows.items() if row.current}

    def tell(self, *agents: str, padding: int = 0) -> Update:
        """Return one transaction: an event and a row for each agent, and the tenant's status; the state moves on."""
        records: list[Record] = []
        sequence, counts = self.state.sequence, {agent: row.sequence for agent, row in self.state.rows.items()}
        for agent in agents:
            sequence += 1
            counts[agent] = counts.get(agent, 0) + 1
            records += self._event(agent, counts[agent], sequence, padding)
        records.append(tenant_status(self.state.tenant, tenant_sequence=sequence, at=BEGIN + sequence))
        return self._update(records)

    def erase(self, *agents: str) -> Update:
        """Return one transaction that erases the rows of agents."""
        return self._update([Record(ROWS, f"{self.state.tenant}|{agent}".encode(), None) for agent in agents])

    def _update(self, records: list[Record]) -> Update:
        home = partition_of(self.state.tenant, self._shards)
        told = restore(stored(records, partition=home), shard=home, shards=self._shards).get(
            self.state.tenant, self.state
        )
        erased = {each.key for each in records if each.topic == ROWS and each.value is None}
        rows = {
            agent: row
            for agent, row in {**self.state.rows, **told.rows}.items()
            if agent_key(self.state.tenant, agent) not in erased
        }
        by_state = Counter(row.state for row in rows.values() if row.state is not None)
        self.state = msgspec.structs.replace(told, rows=rows, by_state=dict(by_state))
        return Update(records=tuple(records), state=self.state)

    def _event(self, agent: str, sequence: int, tenant_sequence: int, padding: int) -> tuple[Record, Record]:
        at = BEGIN + tenant_sequence
        since = {"earliest": rfc3339(at), "latest": rfc3339(at + 1)}
        code = sequence % 12 + 1
        current = {
            **CHANGED["current"],
            "vendor": {"code": code, "label": f"code {code}", "padding": "x" * padding},
            "since": since,
        }
        previous, self._last[agent] = self._last.get(agent), current
        return event(
            self.state.tenant,
            agent,
            sequence=sequence,
            tenant_sequence=tenant_sequence,
            change="appeared" if previous is None else "changed",
            previous=previous,
            current=current,
            observed={"start": rfc3339(at), "end": rfc3339(at + 1)},
            occurred={**since, "basis": "poll_bounds"},
        )


def event(tenant: str, agent: str, **fields: Any) -> tuple[Record, Record]:
    """Return a valid event and its row: the published example but for `fields`."""
    value = {**CHANGED, "tenant": tenant, "agent": {"id": agent, "name": f"Name of {agent}"}, **fields}
    return event_records(msgspec.convert(value, AgentStatusChanged), new_trace())


def tenant_status(tenant: str, *, tenant_sequence: int = 1, at: int = BEGIN, **fields: Any) -> Record:
    """Return a tenant's status: the published example but for what is given."""
    moment = rfc3339(at)
    value = {
        **TENANT,
        "tenant": tenant,
        "tenant_sequence": tenant_sequence,
        "complete_through": moment,
        "reported_at": moment,
        **fields,
    }
    record = tenant_record(msgspec.convert(value, TenantStatus))
    assert record.topic == TENANTS
    return record
