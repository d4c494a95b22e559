"""Log lines as a subscriber of signals: one when something goes wrong, one when it is well again, none in between."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import structlog

from streamer.clock import SystemClock
from streamer.service.quiet import Quiet
from streamer.service.restoring import Restoring
from streamer.signals import (
    AgentsHeld,
    ConfigLoaded,
    ConfigRefused,
    FieldsUnknown,
    GroupHeard,
    GroupSilent,
    HealthChanged,
    OperatorKey,
    QueuesPolled,
    RestoreAdvanced,
    SchemasChecked,
    ShardDropped,
    ShardsPlaced,
    ShardTaken,
    Signal,
    SnapshotHeld,
    StatusUnmapped,
    TakeOverFailed,
    TenantGone,
    UnconfiguredTenants,
    VendorClockFault,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamer.clock import Clock

DOWN: Final = frozenset({"degraded", "failing", "auth_failed", "not_enabled", "unusable"})
"""Healths of a tenant that somebody should look at."""

ORDERLY: Final = frozenset({"stopped"})
"""Reasons for which a shard is dropped in good order."""

REFUSED: Final = "refused"
"""A reason for which a shard is lost or can't be had: the broker said no, or does not let us in."""

SCHEMAS: Final = "schemas"
"""Stands for the schema registry where a tenant could stand."""

REMIND_AFTER: Final = 600.0
"""Seconds after which what goes on happening is said again."""

RESTORING_EVERY: Final = 10.0
"""Seconds after which it is said how far a restoration is; most take less."""

CODE_LENGTH: Final = 64
"""Characters of a vendor's code that are told to people at most."""


class LogSubscriber:
    """An `Observer` that logs. Nothing that it logs names an agent: no signal does."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        """Log through structlog as it is configured."""
        self._log = structlog.get_logger(__name__)
        clock = clock or SystemClock()
        self._clock = clock
        self._quiet = Quiet(clock=clock, again_after=REMIND_AFTER)
        self._fields = Quiet(clock=clock, again_after=math.inf)
        self._health: dict[str, str] = {}
        self._failed: dict[int, str] = {}
        self._restoring = Restoring()
        self._restoring_told = 0.0
        self._unconfigured: dict[int, int] = {}
        self._grouped = False
        self._refused: tuple[str, ...] = ()
        self._schema_ids: dict[str, str] = {}
        self._handlers: dict[type, Callable[[Any], None]] = {
            HealthChanged: self._health_changed,
            SnapshotHeld: self._snapshot_held,
            AgentsHeld: self._agents_held,
            QueuesPolled: self._queues_polled,
            StatusUnmapped: self._status_unmapped,
            FieldsUnknown: self._fields_unknown,
            VendorClockFault: self._vendor_clock_fault,
            OperatorKey: self._operator_key,
            TenantGone: self._tenant_gone,
            ShardsPlaced: self._shards_placed,
            GroupSilent: self._group_silent,
            GroupHeard: self._group_heard,
            RestoreAdvanced: self._restore_advanced,
            ShardTaken: self._shard_taken,
            ShardDropped: self._shard_dropped,
            TakeOverFailed: self._take_over_failed,
            UnconfiguredTenants: self._unconfigured_tenants,
            ConfigLoaded: self._config_loaded,
            ConfigRefused: self._config_refused,
            SchemasChecked: self._schemas_checked,
        }

    def __call__(self, signal: Signal) -> None:
        """Log a signal if it is news; those that are the ordinary course of things are passed over."""
        if handler := self._handlers.get(type(signal)):
            handler(signal)

    def _health_changed(self, signal: HealthChanged) -> None:
        before = self._health.get(signal.tenant, signal.before)
        if self._health.get(signal.tenant) == signal.health:
            return  # told already; the shard was taken over again meanwhile
        self._health[signal.tenant] = signal.health
        about = {"tenant": signal.tenant, "source": signal.source, "health": signal.health}
        if signal.health in DOWN:
            self._log.warning("tenant is down", **about, advice=signal.advice)
        elif signal.health == "ok":
            self._quiet.over(signal.tenant)
            if before not in {None, "ok"}:
                self._log.info("tenant is back", **about, before=before)
        else:
            self._log.info(f"tenant is {signal.health}", **about, advice=signal.advice)

    def _snapshot_held(self, signal: SnapshotHeld) -> None:
        if count := self._quiet.due(signal.tenant, ("held", signal.reason)):
            self._log.warning("snapshot is held", tenant=signal.tenant, reason=signal.reason, snapshots=count)

    def _agents_held(self, signal: AgentsHeld) -> None:
        if count := self._quiet.due(signal.tenant, ("agents held", signal.reason), count=signal.count):
            self._log.warning("agents keep their stored state", tenant=signal.tenant, reason=signal.reason, times=count)

    def _queues_polled(self, signal: QueuesPolled) -> None:
        if signal.error is not None:
            about = {"tenant": signal.tenant, "outcome": signal.outcome}
            if count := self._quiet.due(signal.tenant, ("queues", signal.outcome)):
                self._log.warning("queues are not known", **about, times=count, advice=signal.error)
        for reason in sorted(set(signal.refused)):
            if count := self._quiet.due(signal.tenant, ("queues", reason), count=signal.refused.count(reason)):
                self._log.warning("queues keep their stored rows", tenant=signal.tenant, reason=reason, times=count)

    def _status_unmapped(self, signal: StatusUnmapped) -> None:
        code = signal.code[:CODE_LENGTH]
        if self._quiet.due(signal.tenant, ("unmapped", signal.field, code)):
            advice = "map it with status_map; streamer poll-once lists what is unmapped, and the keys"
            about = {"tenant": signal.tenant, "field": signal.field, "code": code}
            self._log.warning("vendor status is unmapped", **about, advice=advice)

    def _fields_unknown(self, signal: FieldsUnknown) -> None:
        if news := [each for each in sorted(signal.fields) if self._fields.due(signal.tenant, each)]:
            advice = "they are ignored and harm nothing; a newer release may know what they are good for"
            about = {"tenant": signal.tenant, "source": signal.source, "fields": news}
            self._log.info("vendor sends fields that its document does not show", **about, advice=advice)

    def _vendor_clock_fault(self, signal: VendorClockFault) -> None:
        if count := self._quiet.due(signal.tenant, "clock fault", count=signal.count):
            advice = "the poll's own bounds are published instead"
            self._log.warning("vendor times lie in the future", tenant=signal.tenant, times=count, advice=advice)

    def _operator_key(self, signal: OperatorKey) -> None:
        self._log.info(
            "operator's key was seen to",
            tenant=signal.tenant,
            key=signal.key,
            outcome=signal.outcome,
            count=signal.count,
        )

    def _tenant_gone(self, signal: TenantGone) -> None:
        self._quiet.over(signal.tenant)
        self._fields.over(signal.tenant)
        self._health.pop(signal.tenant, None)

    def _shards_placed(self, signal: ShardsPlaced) -> None:
        if signal.gained or signal.lost:
            gained, lost = ranges(signal.gained), ranges(signal.lost)
            self._log.info("shards are placed anew", owned=len(signal.shards), gained=gained, lost=lost)

    def _group_silent(self, signal: GroupSilent) -> None:
        tell = self._log.warning if self._grouped else self._log.info  # at the start nothing is lost
        tell("consumer group is not heard", reason=signal.reason)

    def _group_heard(self, _signal: GroupHeard) -> None:
        self._log.info("consumer group is heard again" if self._grouped else "consumer group is joined")
        self._grouped = True

    def _restore_advanced(self, signal: RestoreAdvanced) -> None:
        now, all_of_them = self._clock.monotonic(), self._restoring
        if all_of_them.shards == 0:
            self._restoring_told = now
        all_of_them(signal)
        if now - self._restoring_told >= RESTORING_EVERY:
            self._restoring_told = now
            about = {"left": all_of_them.left, "done": all_of_them.done, "total": all_of_them.total}
            self._log.info("shards are being restored", shards=all_of_them.shards, **about)

    def _shard_taken(self, signal: ShardTaken) -> None:
        self._failed.pop(signal.shard, None)
        self._restoring(signal)
        self._quiet.over(REFUSED)
        self._log.info(
            "shard is taken",
            shard=signal.shard,
            seconds=round(signal.seconds, 3),
            tenants=signal.tenants,
            agents=signal.agents,
        )

    def _shard_dropped(self, signal: ShardDropped) -> None:
        self._unconfigured.pop(signal.shard, None)
        self._restoring(signal)
        tell = self._log.info if signal.reason in ORDERLY else self._log.warning
        reason = signal.reason if self._is_news(signal.reason) else REFUSED
        tell("shard is dropped", shard=signal.shard, reason=reason)

    def _take_over_failed(self, signal: TakeOverFailed) -> None:
        self._restoring(signal)
        kind = signal.reason.partition(":")[0]
        if self._failed.get(signal.shard) == kind:
            return
        self._failed[signal.shard] = kind
        if not self._is_news(signal.reason):
            return
        self._log.warning(
            "shard can't be taken over", shard=signal.shard, reason=signal.reason, retry_in=round(signal.retry_in, 3)
        )

    def _is_news(self, reason: str) -> bool:
        """Whether a shard's reason is to be told: what a broker refuses, it refuses to all shards in the same words."""
        return not reason.startswith(REFUSED) or self._quiet.due(REFUSED, reason) > 0

    def _unconfigured_tenants(self, signal: UnconfiguredTenants) -> None:
        if self._unconfigured.get(signal.shard, 0) == signal.count:
            return
        self._unconfigured[signal.shard] = signal.count
        if signal.count:
            advice = "add them to the config, or erase their rows with forget: true"
            self._log.warning("tenants have rows but no config", shard=signal.shard, count=signal.count, advice=advice)
        else:
            self._log.info("all tenants with rows have a config again", shard=signal.shard)

    def _config_loaded(self, signal: ConfigLoaded) -> None:
        self._refused = ()
        counts = {"added": signal.added, "changed": signal.changed, "removed": signal.removed}
        self._log.info("config is in use", tenants=signal.tenants, **counts)
        if signal.restart:
            advice = "restart the service; all else is in use"
            self._log.warning("config has keys that need a restart", keys=list(signal.restart), advice=advice)

    def _config_refused(self, signal: ConfigRefused) -> None:
        if signal.problems == self._refused and not signal.asked:
            return  # the files changed, the fault is the same
        self._refused = signal.problems
        first, *more = signal.problems
        advice = "mend the files; the config before stays in use, check-config shows all problems"
        self._log.error("config is refused", problem=first, more=len(more), advice=advice)

    def _schemas_checked(self, signal: SchemasChecked) -> None:
        """Tell of each kind of problem once, for all the subjects that have it."""
        by_kind: dict[str, list[str]] = {}
        for subject, problem in signal.problems.items():
            by_kind.setdefault(problem.kind, []).append(subject)
        for kind, subjects in by_kind.items():
            if times := self._quiet.due(SCHEMAS, (kind, *subjects)):
                about = {"subjects": subjects, "times": times, "reason": signal.problems[subjects[0]].text}
                self._log.warning("schemas are not registered", **about)
        others = {subject for subject, given in signal.ids.items() if self._schema_ids.get(subject, given) != given}
        if others:
            advice = "records before name ids that it may not know any more: does it keep its data?"
            self._log.warning("schema registry gives other ids than before", subjects=sorted(others), advice=advice)
        news = signal.ids.keys() - self._schema_ids.keys()
        self._schema_ids |= signal.ids
        if not signal.problems and (self._quiet.over(SCHEMAS) or news):
            self._log.info("schemas are registered", ids=dict(signal.ids))


def ranges(numbers: Iterable[int]) -> str:
    """Return numbers in short: `0-3,7`."""
    listed = sorted(numbers)
    runs = [list(run) for _, run in groupby(enumerate(listed), key=lambda pair: pair[1] - pair[0])]
    return ",".join(f"{run[0][1]}-{run[-1][1]}" if len(run) > 1 else str(run[0][1]) for run in runs)
