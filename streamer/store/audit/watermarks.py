"""The watermarks that were promised, by the number of the last event that each covers."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from msgspec import Struct, field

from streamer.clock import parse_rfc3339
from streamer.diff.state import FORGOTTEN
from streamer.events.damaged import DAMAGED, what_is_wrong
from streamer.events.record import CLAIM_KEY, Stored
from streamer.model import Millis
from streamer.store.audit.reading import finding, read_mark

if TYPE_CHECKING:
    from streamer.store.audit.findings import Finding


class Marks(Struct):
    """What one tenant's records say: `complete_through[n]` held once the event `numbers[n]` was out.

    `forgotten` is the number of its last event when its rows were erased, if they were.
    """

    newest: Stored
    numbers: list[int] = field(default_factory=list)
    complete_through: list[Millis] = field(default_factory=list)
    forgotten: int | None = None


class Watermarks:
    """Takes the records of `tenant-status` in their order: neither numbers nor watermarks may go back."""

    def __init__(self, findings: list[Finding]) -> None:
        """Add what is wrong to `findings`."""
        self.marks: dict[str, Marks] = {}
        self._findings = findings

    def take(self, record: Stored) -> None:
        """Take the next record."""
        if record.value is None or record.key == CLAIM_KEY:
            return
        try:
            mark = read_mark(record.value)
            through = None if mark.complete_through is None else parse_rfc3339(mark.complete_through)
        except DAMAGED as error:
            message = f"the record can't be read: {what_is_wrong(error)}"
            self._findings.append(finding("readable", record, message))
            return
        marks = self.marks.setdefault(mark.tenant, Marks(newest=record))
        marks.newest = record
        if mark.health == FORGOTTEN:
            marks.forgotten = mark.tenant_sequence
        if marks.numbers and mark.tenant_sequence < marks.numbers[-1]:
            message = f"tenant_sequence goes back from {marks.numbers[-1]} to {mark.tenant_sequence}"
            self._findings.append(finding("watermark", record, message))
        elif through is None:
            if marks.complete_through:
                self._findings.append(finding("watermark", record, "complete_through was told before and is null now"))
        elif marks.complete_through and through < marks.complete_through[-1]:
            message = f"complete_through goes back to {mark.complete_through}"
            self._findings.append(finding("watermark", record, message))
        elif marks.numbers and marks.numbers[-1] == mark.tenant_sequence:
            marks.complete_through[-1] = through
        else:
            marks.numbers.append(mark.tenant_sequence)
            marks.complete_through.append(through)

    def promised(self, tenant: str, tenant_sequence: int) -> Millis | None:
        """Return the watermark that was out before the event with this number, None if none was."""
        marks = self.marks.get(tenant)
        at = 0 if marks is None else bisect_left(marks.numbers, tenant_sequence)
        return marks.complete_through[at - 1] if marks is not None and at else None

    def forgotten(self, tenant: str, *, between: tuple[int, int]) -> bool:
        """Tell whether the tenant's rows were erased after the first and before the second of two of its events."""
        marks = self.marks.get(tenant)
        return marks is not None and marks.forgotten is not None and between[0] <= marks.forgotten < between[1]
