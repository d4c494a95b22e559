"""The events: contiguous by tenant and by agent, each going on where the one before ended, none before a watermark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from streamer.clock import parse_rfc3339, rfc3339
from streamer.events.cloudevents import NotACloudEventError, attributes
from streamer.events.damaged import DAMAGED, what_is_wrong
from streamer.events.encode import event_id
from streamer.events.record import Stored, agent_key
from streamer.events.schemas import AGENT_STATUS_CHANGED, complaint
from streamer.store.audit.reading import Event, digest, finding, read_event

if TYPE_CHECKING:
    from streamer.store.audit.findings import Finding
    from streamer.store.audit.table import Row, Table
    from streamer.store.audit.watermarks import Watermarks

_NULL: Final = b"null"
_BEGINNINGS: Final = frozenset({"baseline", "appeared"})


class Last(Struct, frozen=True):
    """The last event of an agent so far."""

    record: Stored
    digest: bytes
    current: bytes
    sequence: int
    tenant: str
    tenant_sequence: int


class Span(Struct):
    """The numbers of a tenant's first and last event so far."""

    first: int
    last: int


class Chain:
    """Takes the events in their order and compares them with a table read before; `close` with one read after."""

    def __init__(self, findings: list[Finding], *, watermarks: Watermarks, table: Table) -> None:
        """Add what is wrong to `findings`."""
        self.events = 0
        self.restarted = 0
        self.last: dict[bytes, Last] = {}
        self.tenants: dict[str, Span] = {}
        self._findings = findings
        self._watermarks = watermarks
        self._unmet = dict(table.rows)

    def take(self, record: Stored) -> None:
        """Take the next event."""
        self.events += 1
        try:
            event = read_event(record.value or b"")
            self._check_envelope(record, event)
            self._check_watermark(record, event)
        except DAMAGED as error:
            self._differs("readable", record, f"the event can't be read: {what_is_wrong(error)}")
            return
        self._check_tenant_sequence(record, event)
        self._check_chain(record, event)
        last = Last(
            record=msgspec.structs.replace(record, value=None, headers=()),
            digest=digest(record),
            current=bytes(event.current),
            sequence=event.sequence,
            tenant=event.tenant,
            tenant_sequence=event.tenant_sequence,
        )
        self.last[record.key] = last
        row = self._unmet.get(record.key)
        if row is not None and row.tenant_sequence == last.tenant_sequence:
            del self._unmet[record.key]
            self._check_bytes(row, last)

    def close(self, after: Table) -> None:
        """Compare what is left once all events were taken."""
        for row in self._unmet.values():
            self._check_unmet(row)
        for key, last in self.last.items():
            self._check_last(last, after.rows.get(key))
        for tenant, span in self.tenants.items():
            marks = self._watermarks.marks.get(tenant)
            if marks is not None and marks.numbers and marks.numbers[-1] > span.last:
                message = f"it covers event {marks.numbers[-1]} of the tenant; the last there is is {span.last}"
                self._differs("watermark", marks.newest, message)

    def _check_envelope(self, record: Stored, event: Event) -> None:
        try:
            found = attributes(record)
        except NotACloudEventError as error:
            self._differs("envelope", record, str(error))
            return
        expected = {
            "id": event_id(event.tenant, event.agent.id, event.sequence, event.detected_at),
            "source": f"/tenants/{event.tenant}",
            "subject": event.agent.id,
            "time": event.detected_at,
        }
        for name, value in expected.items():
            if found.get(name) != value:
                self._differs("envelope", record, f"the attribute {name} is not what the event says")
        if record.key != agent_key(event.tenant, event.agent.id):
            self._differs("envelope", record, "the key is not that of the event's tenant and agent")
        if problem := complaint(AGENT_STATUS_CHANGED, record.value or b""):
            self._differs("envelope", record, f"the event does not fit its schema: {problem}")

    def _check_watermark(self, record: Stored, event: Event) -> None:
        promised = self._watermarks.promised(event.tenant, event.tenant_sequence)
        if event.earliest is None or event.late or promised is None:
            return
        if parse_rfc3339(event.earliest) < promised:
            message = f"it occurred from {event.earliest} on, but {rfc3339(promised)} was told to be complete before"
            self._differs("watermark", record, message)

    def _check_tenant_sequence(self, record: Stored, event: Event) -> None:
        number = event.tenant_sequence
        span = self.tenants.setdefault(event.tenant, Span(first=number, last=number - 1))
        if number != span.last + 1:
            kind = "repeats or goes back" if number <= span.last else "leaves a gap"
            self._differs("tenant_sequence", record, f"{kind}: {number} follows {span.last}")
        span.last = max(span.last, number)

    def _check_chain(self, record: Stored, event: Event) -> None:
        last = self.last.get(record.key)
        begins = event.sequence == 1
        if begins and (event.change not in _BEGINNINGS or bytes(event.previous) != _NULL):
            self._differs("chain", record, "it is the agent's first event, but says that there was one before")
        if last is None:
            if not begins and self.tenants[event.tenant].first == 1:
                self._differs("sequence", record, f"the agent's events begin with {event.sequence}; none was deleted")
        elif begins and event.change in _BEGINNINGS:
            self._check_restart(record, event, last)
        elif event.sequence != last.sequence + 1:
            kind = "repeats or goes back" if event.sequence <= last.sequence else "leaves a gap"
            self._differs("sequence", record, f"{kind}: {event.sequence} follows {last.sequence}")
        elif bytes(event.previous) != last.current:
            message = f"previous is not current of the event before, {last.record.place}, byte for byte"
            self._differs("chain", record, message)

    def _check_restart(self, record: Stored, event: Event, last: Last) -> None:
        """An agent begins anew where its row was erased: after it left, or with its whole tenant."""
        numbers = (last.tenant_sequence, event.tenant_sequence)
        if last.current == _NULL or self._watermarks.forgotten(event.tenant, between=numbers):
            self.restarted += 1
        else:
            message = f"begins anew after {last.sequence}, though nothing says that its row was erased"
            self._differs("sequence", record, message)

    def _check_unmet(self, row: Row) -> None:
        """Judge a row that none of the events is."""
        span = self.tenants.get(row.tenant)
        if span is None or row.tenant_sequence < span.first:
            message = f"event {row.tenant_sequence} of the tenant, which is the row, was deleted: nothing to compare"
            self._findings.append(finding("row", row.record, message, verdict="not_covered"))
        else:
            self._differs("row", row.record, f"it says that it is event {row.tenant_sequence} of the tenant; none is")

    def _check_last(self, last: Last, row: Row | None) -> None:
        """Judge an agent's last event by the table read after it."""
        if row is None:
            after = self.tenants[last.tenant].last + 1
            erased = last.current == _NULL or self._watermarks.forgotten(
                last.tenant, between=(last.tenant_sequence, after)
            )
            if not erased:
                self._differs("row", last.record, "the agent's last event has no row")
        elif row.tenant_sequence < last.tenant_sequence:
            message = f"the row is still event {row.tenant_sequence} of the tenant, {last.tenant_sequence} is the last"
            self._differs("row", last.record, message)
        elif row.tenant_sequence == last.tenant_sequence:
            self._check_bytes(row, last)

    def _check_bytes(self, row: Row, last: Last) -> None:
        if row.digest != last.digest:
            message = f"the row is not its event, {last.record.place}, byte for byte, headers included"
            self._differs("row", row.record, message)

    def _differs(self, check: str, record: Stored, message: str) -> None:
        self._findings.append(finding(check, record, message))
