"""The signals of one tenant's poller."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import structlog

from streamer.signals import (
    AgentsCounted,
    AgentsHeld,
    OperatorKey,
    PollFinished,
    Published,
    SnapshotHeld,
    StatusUnmapped,
    VendorClockFault,
    WatermarkMoved,
)

if TYPE_CHECKING:
    from streamer.diff.plan import Plan
    from streamer.polling.poller import TenantPoller

_log = structlog.get_logger(__name__)


def polled(poller: TenantPoller, outcome: str, began: float, error: str | None = None) -> None:
    """Tell that a poll ended; `began` is when it began, in monotonic seconds."""
    clock = poller.tools.clock
    poller.tools.observer(
        PollFinished(
            tenant=poller.config.id,
            source=poller.source.name,
            outcome=outcome,
            seconds=clock.monotonic() - began,
            finished=clock.wall(),
            error=error,
        )
    )


def committed(poller: TenantPoller, plan: Plan) -> None:
    """Tell what a committed plan published, held back and refused, and where the watermark is."""
    tell, tenant, source = poller.tools.observer, poller.config.id, poller.source.name
    if plan.published:
        tell(
            Published(
                tenant=tenant,
                source=source,
                states=tuple(each.state or "disappeared" for each in plan.published),
                detection_delays=tuple(
                    each.detection_delay / 1000 for each in plan.published if each.detection_delay is not None
                ),
                uncertainties=tuple(each.uncertainty / 1000 for each in plan.published if each.uncertainty is not None),
                missed_transitions=sum(each.missed for each in plan.published),
            )
        )
        for code in {each.unmapped for each in plan.published if each.unmapped is not None}:
            tell(StatusUnmapped(tenant=tenant, source=source, code=code))
    for reason, count in Counter(each.reason for each in plan.refused).items():
        tell(AgentsHeld(tenant=tenant, reason=reason, count=count))
    if (difference := plan.difference) is not None:
        if difference.held is not None:
            tell(SnapshotHeld(tenant=tenant, reason=difference.held))
        if difference.older:
            tell(AgentsHeld(tenant=tenant, reason="older_view", count=difference.older))
        if difference.clock_faults:
            tell(VendorClockFault(tenant=tenant, count=difference.clock_faults))
    if plan.published or difference is not None:
        tell(AgentsCounted(tenant=tenant, source=source, by_state=plan.state.by_state))
    if plan.state.complete_through is not None:
        tell(WatermarkMoved(tenant=tenant, complete_through=plan.state.complete_through))


def operated(poller: TenantPoller, key: str, outcome: str, count: int) -> None:
    """Tell that an operator's key was carried out or refused."""
    poller.tools.observer(OperatorKey(tenant=poller.config.id, key=key, outcome=outcome, count=count))


def unexpected(poller: TenantPoller, error: Exception) -> None:
    """Log a fault of ours."""
    trace = lines_of(error)
    _log.error("a poll failed by a fault of ours", tenant=poller.config.id, error=type(error).__name__, trace=trace)


def lines_of(error: BaseException) -> list[str]:
    """Return the lines of code of an error's traceback, without the values that they worked on: they may be secrets."""
    lines = []
    trace = error.__traceback__
    while trace is not None:
        lines.append(f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}")
        trace = trace.tb_next
    return lines
