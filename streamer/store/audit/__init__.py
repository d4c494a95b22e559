"""Do the tables agree with the events? Read from any store, judged agent by agent by pure code over records.

The table is read before and after the events, so that a stream in use can be audited: a row of the first reading must
be one of the events, byte for byte, and the second reading must have reached the last event. Events that retention
deleted can't be compared; what that leaves unproven is told as `not_covered`, never as a difference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamer.events.record import EVENTS, ROWS, TENANTS
from streamer.store.audit.chain import Chain
from streamer.store.audit.findings import Finding, Report, Summary
from streamer.store.audit.table import Table
from streamer.store.audit.watermarks import Watermarks

if TYPE_CHECKING:
    from streamer.signals import Observer
    from streamer.store.store import Store

__all__ = ["Finding", "Report", "Summary", "audit"]


async def audit(store: Store, observer: Observer | None = None) -> Report:
    """Read a started store whole and compare its tables with its events. It takes no ownership and writes nothing.

    An `observer` is told how far each topic is read (`ReadAdvanced`).

    Raises:
        StoreError, OSError: the store can't be read.

    """
    findings: list[Finding] = []
    watermarks = Watermarks(findings)
    async for record in store.read(TENANTS, observer=observer):
        watermarks.take(record)
    before, after = Table(findings), Table(findings)
    async for record in store.read(ROWS, observer=observer):
        before.take(record)
    chain = Chain(findings, watermarks=watermarks, table=before)
    async for record in store.read(EVENTS, observer=observer):
        chain.take(record)
    async for record in store.read(ROWS, observer=observer):
        after.take(record)
    chain.close(after)
    distinct = tuple(dict.fromkeys(findings))  # the table was read twice
    return Report(
        findings=distinct,
        summary=Summary(
            agents=len(after.rows.keys() | chain.last.keys()),
            rows=len(after.rows),
            events=chain.events,
            tenants=len(chain.tenants.keys() | watermarks.marks.keys()),
            restarted=chain.restarted,
            not_covered=sum(finding.verdict == "not_covered" for finding in distinct),
            differences=sum(finding.verdict == "differs" for finding in distinct),
        ),
    )
