"""What is told of a tenant on `tenant-status`: its watermark, its health, and how finely it is watched."""

from __future__ import annotations

from typing import Final, cast

from msgspec import Struct

from streamer.clock import Clock, rfc3339
from streamer.diff.state import TenantState
from streamer.events.definition import Health, TenantStatus
from streamer.events.encode import tenant_record
from streamer.events.record import Record
from streamer.model import Millis
from streamer.signals import HealthChanged, Observer

UNKNOWN_SOURCE: Final = "unknown"


class ReportTerms(Struct, frozen=True):
    """What a report repeats of the config: None and 0 for a tenant without one. `heartbeat` is in milliseconds."""

    source: str
    heartbeat: Millis
    interval: Millis | None = None
    assumed_age: Millis = 0


class Reporter:
    """Keeps one tenant's health and makes its records. A record is due on the heartbeat and when the health changed."""

    def __init__(self, *, state: TenantState, terms: ReportTerms, clock: Clock, observer: Observer) -> None:
        """Start from what was last reported."""
        self.health: Health | None = None
        self.advice: str | None = None
        self._tenant = state.tenant
        self._reported = state.health
        self._since = state.health_since
        self._terms = terms
        self._clock = clock
        self._observer = observer
        self._gap: Millis = 0
        self._due = clock.monotonic() + terms.heartbeat / 1000

    @property
    def heartbeat(self) -> Millis:
        """How old the tenant's last record may be."""
        return self._terms.heartbeat

    def renew(self, terms: ReportTerms) -> None:
        """Take the terms of another config, or of none. What was seen and not yet told is told in the next record."""
        self._due = min(self._due, self._clock.monotonic() + terms.heartbeat / 1000)
        self._terms = terms

    def judge(self, health: Health, advice: str | None = None) -> bool:
        """Take the tenant's health; True if it is not the one last reported, so that a record is due."""
        news = (health, advice) != (self.health, self.advice)
        self.advice = advice
        if news:
            before, self.health = self.health or self._reported, health
            self._observer(
                HealthChanged(
                    tenant=self._tenant, source=self._terms.source, before=before, health=health, advice=advice
                )
            )
        return health != self._reported

    def unusable(self, advice: str) -> None:
        """Tell that the stored state can't be used. Nothing is to be written of the tenant then: no record is due."""
        self.health, self.advice = None, advice
        self._observer(
            HealthChanged(
                tenant=self._tenant,
                source=self._terms.source,
                before=self._reported,
                health="unusable",
                advice=advice,
            )
        )

    def saw(self, gap: Millis) -> None:
        """Note the time from the watermark before a snapshot to the snapshot's end: nothing shorter need be seen."""
        self._gap = max(self._gap, gap)

    def due(self) -> bool:
        """Tell whether the heartbeat's time has come. Before the first verdict of this owner nothing is told."""
        return self.health is not None and self._clock.monotonic() >= self._due

    def due_now(self) -> None:
        """Make a record due at once."""
        self._due = self._clock.monotonic()

    def record(self, state: TenantState) -> Record:
        """Return the record of the tenant's committed (or just to be committed) state; the next is due a beat later."""
        now = self._clock.wall()
        complete = state.complete_through
        gap = None if complete is None else max(self._gap, now - complete)
        health = self.health or self._reported or "ok"
        if health != self._reported:
            self._reported, self._since = health, now
        self._gap = 0
        self._due = self._clock.monotonic() + self._terms.heartbeat / 1000
        return tenant_record(
            TenantStatus(
                tenant=state.tenant,
                source=self._terms.source,
                health=cast("Health", health),
                health_since=rfc3339(self._since or now),
                complete_through=None if complete is None else rfc3339(complete),
                tenant_sequence=state.sequence,
                resolution_ms=gap,
                assumed_age_ms=self._terms.assumed_age,
                interval_ms=self._terms.interval,
                agents=state.live,
                agents_by_state=dict(state.by_state),
                resync=state.resync,
                resyncs=state.resyncs,
                reported_at=rfc3339(now),
            )
        )
