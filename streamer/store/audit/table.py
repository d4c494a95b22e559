"""The table of each agent's last event, as far as it is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from streamer.events.damaged import DAMAGED, what_is_wrong
from streamer.events.record import CLAIM_KEY, Stored
from streamer.store.audit.reading import digest, finding, read_event

if TYPE_CHECKING:
    from streamer.store.audit.findings import Finding


class Row(Struct, frozen=True):
    """An agent's row: where it lies, which event it claims to be, and a digest of its bytes."""

    record: Stored
    tenant: str
    tenant_sequence: int
    digest: bytes


class Table:
    """Takes the records of `agent-status` in their order; the last of a key counts."""

    def __init__(self, findings: list[Finding]) -> None:
        """Add what is wrong to `findings`."""
        self.rows: dict[bytes, Row] = {}
        self._findings = findings

    def take(self, record: Stored) -> None:
        """Take the next record."""
        if record.key == CLAIM_KEY:
            return
        self.rows.pop(record.key, None)
        if record.value is None:
            return
        try:
            event = read_event(record.value)
        except DAMAGED as error:
            message = f"the row can't be read: {what_is_wrong(error)}"
            self._findings.append(finding("readable", record, message))
            return
        self.rows[record.key] = Row(
            record=msgspec.structs.replace(record, value=None, headers=()),  # the place is kept, not the bytes
            tenant=event.tenant,
            tenant_sequence=event.tenant_sequence,
            digest=digest(record),
        )
