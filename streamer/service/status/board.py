"""What is known of each tenant here, as the signals tell it. Nothing is worked out before somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from streamer.clock import Clock
from streamer.model import Millis
from streamer.service.log_subscriber import CODE_LENGTH
from streamer.signals import (
    AgentsCounted,
    ClockOffset,
    ConfigLoaded,
    ConfigRefused,
    HealthChanged,
    OperatorKey,
    PollerStarted,
    PollFinished,
    PollPlanned,
    Published,
    QueuesPolled,
    Signal,
    StateChanged,
    StatusUnmapped,
    TenantGone,
    WatermarkMoved,
)

CHANGES: Final = 10
"""Changes of a tenant that are kept."""

NOTICES: Final = 8
"""Notices of a tenant that are kept."""

REFUSED: Final = "refused"

STILL_PRESENT: Final = (
    "delete them at the vendor and wait until they have disappeared; then take forget_agents out and set it again"
)
UNMAPPED: Final = "map it with status_map; streamer poll-once lists what is unmapped, and the keys"


class Known:
    """One tenant. The signals are kept as they came: each field is replaced whole, so another thread may read along."""

    __slots__ = (
        "agents",
        "changes",
        "complete_through",
        "failed",
        "health",
        "next",
        "notices",
        "polled",
        "since",
        "success",
    )

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.health: HealthChanged | None = None
        self.since: Millis = 0
        self.polled: PollFinished | None = None
        self.failed: PollFinished | None = None
        self.success: Millis | None = None
        self.next: Millis | None = None
        self.agents: AgentsCounted | None = None
        self.complete_through: Millis | None = None
        self.changes: tuple[tuple[Millis, StateChanged], ...] = ()
        self.notices: dict[str, tuple[Millis, str | None]] = {}

    def note(self, text: str, at: Millis, advice: str | None) -> None:
        """Keep a notice, by its text, as the newest."""
        others = [(key, each) for key, each in self.notices.items() if key != text]
        self.notices = dict([*others[1 - NOTICES :], (text, (at, advice))])


class StatusBoard:
    """An `Observer` that keeps what is known of each tenant, until it is gone, and of this process.

    A tenant takes a few KB at most, however many agents it has.
    """

    def __init__(self, *, clock: Clock) -> None:
        """Begin with a config just loaded, and no tenant."""
        self._clock = clock
        self.tenants: dict[str, Known] = {}
        self.loaded_at = clock.wall()
        self.refused: tuple[str, ...] = ()
        self.restart: tuple[str, ...] = ()
        self.clock_offset: float | None = None
        self._handlers: dict[type, Callable[[Any], None]] = {
            PollerStarted: self._poller_started,
            PollPlanned: self._poll_planned,
            PollFinished: self._poll_finished,
            Published: self._published,
            AgentsCounted: self._agents_counted,
            HealthChanged: self._health_changed,
            WatermarkMoved: self._watermark_moved,
            QueuesPolled: self._queues_polled,
            StatusUnmapped: self._status_unmapped,
            OperatorKey: self._operator_key,
            TenantGone: self._tenant_gone,
            ConfigLoaded: self._config_loaded,
            ConfigRefused: self._config_refused,
            ClockOffset: self._clock_offset,
        }

    def __call__(self, signal: Signal) -> None:
        """Keep what a signal tells, if the page shows it."""
        if handler := self._handlers.get(type(signal)):
            handler(signal)

    def _of(self, tenant: str) -> Known:
        known = self.tenants.get(tenant)
        if known is None:
            known = self.tenants[tenant] = Known()
        return known

    def _poller_started(self, signal: PollerStarted) -> None:
        known = self._of(signal.tenant)
        known.next, known.notices = None, {}  # what still holds is told again
        known.complete_through = signal.complete_through

    def _poll_planned(self, signal: PollPlanned) -> None:
        self._of(signal.tenant).next = signal.at

    def _poll_finished(self, signal: PollFinished) -> None:
        known = self._of(signal.tenant)
        known.polled = signal
        if signal.outcome == "ok":
            known.success = signal.finished
        else:
            known.failed = signal

    def _published(self, signal: Published) -> None:
        known = self._of(signal.tenant)
        newest = [(signal.at, each) for each in reversed(signal.changes[-CHANGES:])]
        known.changes = (*newest, *known.changes)[:CHANGES]

    def _agents_counted(self, signal: AgentsCounted) -> None:
        self._of(signal.tenant).agents = signal

    def _health_changed(self, signal: HealthChanged) -> None:
        known = self._of(signal.tenant)
        if known.health is None or known.health.health != signal.health:
            known.since = self._clock.wall()
        known.health = signal
        if signal.health in {"unconfigured", "unusable"}:
            known.next = None

    def _watermark_moved(self, signal: WatermarkMoved) -> None:
        self._of(signal.tenant).complete_through = signal.complete_through

    def _queues_polled(self, signal: QueuesPolled) -> None:
        text = "queues are not known"
        known = self._of(signal.tenant)
        if signal.error is not None:
            known.note(text, self._clock.wall(), f"{signal.outcome}: {signal.error}")
        elif text in known.notices:
            known.notices = {key: each for key, each in known.notices.items() if key != text}

    def _status_unmapped(self, signal: StatusUnmapped) -> None:
        text = f"vendor status is unmapped: {signal.field} {signal.code[:CODE_LENGTH]}"
        self._of(signal.tenant).note(text, self._clock.wall(), UNMAPPED)

    def _operator_key(self, signal: OperatorKey) -> None:
        advice = STILL_PRESENT if signal.outcome.startswith(REFUSED) else None
        text = f"{signal.key} {signal.outcome} ({signal.count})"
        self._of(signal.tenant).note(text, self._clock.wall(), advice)

    def _tenant_gone(self, signal: TenantGone) -> None:
        self.tenants.pop(signal.tenant, None)

    def _config_loaded(self, signal: ConfigLoaded) -> None:
        self.loaded_at, self.refused, self.restart = self._clock.wall(), (), signal.restart

    def _config_refused(self, signal: ConfigRefused) -> None:
        self.refused = signal.problems

    def _clock_offset(self, signal: ClockOffset) -> None:
        self.clock_offset = signal.seconds
