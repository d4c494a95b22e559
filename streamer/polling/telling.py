"""The signals of one tenant's poller."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import structlog
from msgspec.structs import replace

from streamer.clock import Clock
from streamer.diff.differ import Difference
from streamer.diff.plan import Plan
from streamer.diff.queues import QueuePlan
from streamer.model import Millis
from streamer.signals import (
    AgentsCounted,
    AgentsHeld,
    FieldsUnknown,
    Observer,
    OperatorKey,
    PollerStarted,
    PollFinished,
    PollPlanned,
    Published,
    QueuesPolled,
    SnapshotHeld,
    StateChanged,
    StatusUnmapped,
    TenantGone,
    VendorClockFault,
    WatermarkMoved,
)
from streamer.sources.errors import PollError

_log = structlog.get_logger(__name__)


class Teller:
    """Tells the observer of one tenant; of its agents' ids and names only where `show_agents` says so."""

    def __init__(
        self, *, tenant: str, source: str, clock: Clock, observer: Observer, show_agents: bool = False
    ) -> None:
        """Take whom to tell of, and whom to tell."""
        self._source = source
        self._tenant = tenant
        self._clock = clock
        self._tell = observer
        self._show_agents = show_agents
        self._counted: Mapping[str, int] | None = None

    def started(self, complete_through: Millis | None) -> None:
        """Tell that a poller begins, and with which watermark."""
        self._tell(PollerStarted(tenant=self._tenant, source=self._source, complete_through=complete_through))

    def planned(self, at: Millis) -> None:
        """Tell when the next poll is to be."""
        self._tell(PollPlanned(tenant=self._tenant, source=self._source, at=at))

    def polled(self, began: float, error: PollError | None = None) -> None:
        """Tell that a poll ended; `began` is when it began, in monotonic seconds."""
        seconds, finished = self._clock.monotonic() - began, self._clock.wall()
        self._tell(
            PollFinished(
                tenant=self._tenant,
                source=self._source,
                outcome="ok" if error is None else error.outcome,
                seconds=seconds,
                finished=finished,
                error=None if error is None else error.message,
                advice=None if error is None else error.advice,
            )
        )

    def unknown_fields(self, fields: frozenset[str]) -> None:
        """Tell the fields of an answer that the vendor's document does not show, if there are any."""
        if fields:
            self._tell(FieldsUnknown(tenant=self._tenant, source=self._source, fields=fields))

    def committed(self, plan: Plan) -> None:
        """Tell what a committed plan published, held back and refused, and where the watermark is."""
        if plan.published:
            self._published(plan)
        for reason, count in Counter(each.reason for each in plan.refused).items():
            self._tell(AgentsHeld(tenant=self._tenant, reason=reason, count=count))
        if plan.difference is not None:
            self._compared(plan.difference)
        counted = plan.state.by_state
        if counted is not self._counted and (plan.published or plan.difference is not None):
            self._counted = counted
            self._tell(AgentsCounted(tenant=self._tenant, source=self._source, by_state=counted))
        if plan.state.complete_through is not None:
            self._tell(WatermarkMoved(tenant=self._tenant, complete_through=plan.state.complete_through))

    def queues(self, outcome: str, plan: QueuePlan | None = None, error: str | None = None) -> None:
        """Tell that a request for queues ended, and what of it was committed."""
        told = QueuesPolled(tenant=self._tenant, source=self._source, outcome=outcome, error=error)
        if plan is not None:
            refused = tuple(each.reason for each in plan.refused)
            told = replace(told, written=plan.written, erased=plan.erased, refused=refused)
        self._tell(told)

    def operated(self, key: str, outcome: str, count: int) -> None:
        """Tell that an operator's key was carried out or refused."""
        self._tell(OperatorKey(tenant=self._tenant, key=key, outcome=outcome, count=count))

    def gone(self) -> None:
        """Tell that nothing of the tenant is left."""
        self._tell(TenantGone(tenant=self._tenant, source=self._source))

    def unexpected(self, error: Exception) -> None:
        """Log a fault of ours."""
        log_fault("a poll failed by a fault of ours", error, tenant=self._tenant)

    def _published(self, plan: Plan) -> None:
        events = plan.published
        self._tell(
            Published(
                tenant=self._tenant,
                source=self._source,
                at=self._clock.wall(),
                changes=tuple(
                    StateChanged(each.before, each.state, each.agent, each.name)
                    if self._show_agents
                    else StateChanged(each.before, each.state)
                    for each in events
                ),
                detection_delays=tuple(
                    each.detection_delay / 1000 for each in events if each.detection_delay is not None
                ),
                uncertainties=tuple(each.uncertainty / 1000 for each in events if each.uncertainty is not None),
                missed_transitions=sum(each.missed for each in events),
            )
        )
        for field, code in {(part.field, part.code) for each in events for part in each.unmapped}:
            self._tell(StatusUnmapped(tenant=self._tenant, source=self._source, field=field, code=code))

    def _compared(self, difference: Difference) -> None:
        if difference.held is not None:
            self._tell(SnapshotHeld(tenant=self._tenant, reason=difference.held))
        if difference.older:
            self._tell(AgentsHeld(tenant=self._tenant, reason="older_view", count=difference.older))
        if difference.clock_faults:
            self._tell(VendorClockFault(tenant=self._tenant, count=difference.clock_faults))


def log_fault(event: str, error: Exception, **about: object) -> None:
    """Log a fault of ours, without its message: it may hold what the fault was about, an agent's name say."""
    _log.error(event, error=type(error).__name__, trace=lines_of(error), **about)


def lines_of(error: BaseException) -> list[str]:
    """Return the lines of code of an error's traceback, without the values that they worked on: they may be secrets."""
    lines = []
    trace = error.__traceback__
    while trace is not None:
        lines.append(f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}")
        trace = trace.tb_next
    return lines
