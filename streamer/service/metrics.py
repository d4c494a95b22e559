"""Metrics as a subscriber of signals. The core knows nothing of Prometheus; this module knows nothing of polling."""

from __future__ import annotations

import platform
from collections import Counter as Count
from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from streamer import __version__
from streamer.model import STATES
from streamer.service.log_subscriber import ORDERLY
from streamer.service.metric_definitions import DEFINITIONS, WATERMARK_AGE, Definition
from streamer.service.watermark_age import WatermarkAge
from streamer.signals import (
    AgentsCounted,
    AgentsHeld,
    ClockOffset,
    CommitFinished,
    ConfigLoaded,
    ConfigRefused,
    FieldsUnknown,
    HealthChanged,
    LoopLag,
    PollerStarted,
    PollFinished,
    Published,
    QueuesPolled,
    SchemasChecked,
    ShardDropped,
    ShardLoad,
    ShardsPlaced,
    ShardTaken,
    Signal,
    SnapshotHeld,
    StatusUnmapped,
    TakeOverFailed,
    TenantGone,
    UnconfiguredTenants,
    VendorClockFault,
    WatermarkMoved,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamer.clock import Clock


Metric = TypeVar("Metric", Counter, Gauge, Histogram)


class Metrics:
    """All metrics of one process in one registry. An instance is an `Observer`: it takes signals from the event loop.

    The registry may be scraped from another thread at the same time.
    """

    def __init__(self, *, registry: CollectorRegistry, clock: Clock, shards: int) -> None:
        """Register every metric of `DEFINITIONS`, and those of the process, with `registry`; `shards` are there in all."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a `_created` series beside each counter doubles what is stored and serves nobody
        self._clock = clock
        self._counters = {each.name: _counter(each, registry) for each in DEFINITIONS if each.kind == "counter"}
        self._gauges = {
            each.name: _gauge(each, registry)
            for each in DEFINITIONS
            if each.kind == "gauge" and each is not WATERMARK_AGE
        }
        self._histograms = {each.name: _histogram(each, registry) for each in DEFINITIONS if each.kind == "histogram"}
        # the library finds a tenant's series by a look at all there are, which takes it 9 ms among 1,000 tenants
        self._of_tenant: defaultdict[str, dict[tuple[Any, ...], Any]] = defaultdict(dict)
        self._watermarks = WatermarkAge(clock=clock)
        self._shards: set[int] = set()
        self._unconfigured: dict[int, int] = {}
        self._handlers: dict[type, Callable[[Any], None]] = {
            PollerStarted: self._poller_started,
            PollFinished: self._poll_finished,
            Published: self._published,
            AgentsCounted: self._agents_counted,
            SnapshotHeld: self._snapshot_held,
            QueuesPolled: self._queues_polled,
            AgentsHeld: self._agents_held,
            StatusUnmapped: self._status_unmapped,
            FieldsUnknown: self._fields_unknown,
            VendorClockFault: self._vendor_clock_fault,
            HealthChanged: self._health_changed,
            WatermarkMoved: self._watermark_moved,
            TenantGone: self._tenant_gone,
            CommitFinished: self._commit_finished,
            ClockOffset: self._clock_offset,
            ShardsPlaced: self._shards_placed,
            ShardTaken: self._shard_taken,
            ShardLoad: self._shard_load,
            ShardDropped: self._shard_dropped,
            TakeOverFailed: self._take_over_failed,
            UnconfiguredTenants: self._unconfigured_tenants,
            ConfigLoaded: self._config_loaded,
            ConfigRefused: self._config_refused,
            SchemasChecked: self._schemas_checked,
            LoopLag: self._loop_lag,
        }
        registry.register(self._watermarks)
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        self._gauge("build_info", version=__version__, python=platform.python_version()).set(1)
        self._gauge("shards").set(shards)
        self._config_loaded()
        self._begin()

    def __call__(self, signal: Signal) -> None:
        """Count a signal; those that no metric is made of are passed over."""
        if handler := self._handlers.get(type(signal)):
            handler(signal)

    def _poller_started(self, signal: PollerStarted) -> None:
        """Begin a tenant's series; those of its age too, or no alert would see a tenant whose polls all fail here."""
        self._begin(tenant=signal.tenant, source=signal.source)
        about, through = {"tenant": signal.tenant, "source": signal.source}, signal.complete_through
        if (self._gauges["poll_last_success_timestamp_seconds"], *about.values()) not in self._of_tenant[signal.tenant]:
            last = self._gauge("poll_last_success_timestamp_seconds", **about)
            last.set((self._clock.wall() if through is None else through) / 1000)
        if through is not None:
            self._watermarks.move(signal.tenant, through)

    def _begin(self, **about: str) -> None:
        """Have the counters of a tenant, or of the process, be there before they count: else nobody sees the first event.

        What was counted before stays.
        """
        for each in DEFINITIONS:
            if each.kind != "counter" or ("tenant" in each.labels) != bool(about):
                continue
            whom = {label: value for label, value in about.items() if label in each.labels}
            if each.own_label is None:
                self._counter(each.name, **whom)
            for value in each.zeros:
                self._counter(each.name, **whom, **{str(each.own_label): value})

    def _poll_finished(self, signal: PollFinished) -> None:
        self._counter("polls_total", tenant=signal.tenant, source=signal.source, outcome=signal.outcome).inc()
        self._histogram("poll_duration_seconds", source=signal.source).observe(signal.seconds)
        if signal.outcome == "ok":
            last = self._gauge("poll_last_success_timestamp_seconds", tenant=signal.tenant, source=signal.source)
            last.set(signal.finished / 1000)

    def _published(self, signal: Published) -> None:
        for state, count in Count(each.after or "disappeared" for each in signal.changes).items():
            self._counter("status_changes_total", tenant=signal.tenant, source=signal.source, state=state).inc(count)
        delays = self._histogram("detection_delay_seconds", source=signal.source)
        for seconds in signal.detection_delays:
            delays.observe(seconds)
        uncertainties = self._histogram("occurred_uncertainty_seconds", source=signal.source)
        for seconds in signal.uncertainties:
            uncertainties.observe(seconds)
        missed = self._counter("missed_transitions_total", tenant=signal.tenant, source=signal.source)
        missed.inc(signal.missed_transitions)

    def _agents_counted(self, signal: AgentsCounted) -> None:
        for state in STATES:  # zero is told too: a series that stops would keep its last value on a graph
            gauge = self._gauge("agents", tenant=signal.tenant, source=signal.source, state=state)
            gauge.set(signal.by_state.get(state, 0))

    def _queues_polled(self, signal: QueuesPolled) -> None:
        about = {"tenant": signal.tenant, "source": signal.source}
        self._counter("queue_polls_total", **about, outcome=signal.outcome).inc()
        rows = {"written": signal.written, "erased": signal.erased, **Count(signal.refused)}
        for outcome, count in rows.items():
            self._counter("queue_rows_total", **about, outcome=outcome).inc(count)

    def _snapshot_held(self, signal: SnapshotHeld) -> None:
        self._counter("held_snapshots_total", tenant=signal.tenant, reason=signal.reason).inc()

    def _agents_held(self, signal: AgentsHeld) -> None:
        self._counter("held_agents_total", tenant=signal.tenant, reason=signal.reason).inc(signal.count)

    def _status_unmapped(self, signal: StatusUnmapped) -> None:
        self._counter("unmapped_statuses_total", tenant=signal.tenant, source=signal.source).inc()

    def _fields_unknown(self, signal: FieldsUnknown) -> None:
        self._counter("unknown_fields_total", tenant=signal.tenant, source=signal.source).inc(len(signal.fields))

    def _vendor_clock_fault(self, signal: VendorClockFault) -> None:
        self._counter("vendor_clock_faults_total", tenant=signal.tenant).inc(signal.count)

    def _health_changed(self, signal: HealthChanged) -> None:
        self._drop(signal.tenant, self._gauges["tenant_health"])
        self._gauge("tenant_health", tenant=signal.tenant, source=signal.source, health=signal.health).set(1)

    def _watermark_moved(self, signal: WatermarkMoved) -> None:
        self._watermarks.move(signal.tenant, signal.complete_through)

    def _tenant_gone(self, signal: TenantGone) -> None:
        self._watermarks.forget(signal.tenant)
        self._drop(signal.tenant)

    def _commit_finished(self, signal: CommitFinished) -> None:
        self._counter("commits_total", outcome=signal.outcome).inc()
        self._histogram("commit_duration_seconds").observe(signal.seconds)

    def _clock_offset(self, signal: ClockOffset) -> None:
        self._gauge("clock_offset_seconds").set(signal.seconds)

    def _shards_placed(self, _signal: ShardsPlaced) -> None:
        self._counter("rebalances_total").inc()

    def _shard_taken(self, signal: ShardTaken) -> None:
        self._shards.add(signal.shard)
        self._gauge("shards_owned").set(len(self._shards))
        self._histogram("restore_duration_seconds").observe(signal.seconds)

    def _shard_load(self, signal: ShardLoad) -> None:
        self._gauge("shard_tenants", shard=str(signal.shard)).set(signal.tenants)
        self._gauge("shard_agents", shard=str(signal.shard)).set(signal.agents)

    def _shard_dropped(self, signal: ShardDropped) -> None:
        self._shards.discard(signal.shard)
        for name in ("shard_tenants", "shard_agents"):
            self._gauges[name].remove_by_labels({"shard": str(signal.shard)})
        self._gauge("shards_owned").set(len(self._shards))
        self._unconfigured.pop(signal.shard, None)
        self._tell_unconfigured()
        if signal.reason not in ORDERLY:
            self._producer_reset(signal.reason)

    def _take_over_failed(self, signal: TakeOverFailed) -> None:
        self._producer_reset(signal.reason)

    def _producer_reset(self, reason: str) -> None:
        word = reason.partition(":")[0]  # what follows the colon is for people, not for a label
        self._counter("producer_resets_total", reason=word).inc()

    def _unconfigured_tenants(self, signal: UnconfiguredTenants) -> None:
        self._unconfigured[signal.shard] = signal.count
        self._tell_unconfigured()

    def _tell_unconfigured(self) -> None:
        self._gauge("tenants_unconfigured").set(sum(self._unconfigured.values()))

    def _config_loaded(self, _signal: ConfigLoaded | None = None) -> None:
        self._gauge("config_last_reload_successful").set(1)
        self._gauge("config_last_reload_success_timestamp_seconds").set(self._clock.wall() / 1000)

    def _config_refused(self, _signal: ConfigRefused) -> None:
        self._gauge("config_last_reload_successful").set(0)

    def _schemas_checked(self, signal: SchemasChecked) -> None:
        for subject in (*signal.ids, *signal.problems):
            self._gauge("schema_registered", subject=subject).set(subject in signal.ids)

    def _loop_lag(self, signal: LoopLag) -> None:
        self._histogram("event_loop_lag_seconds").observe(signal.seconds)

    def _counter(self, name: str, **labels: str) -> Counter:
        return self._series(self._counters[name], labels)

    def _gauge(self, name: str, **labels: str) -> Gauge:
        return self._series(self._gauges[name], labels)

    def _histogram(self, name: str, **labels: str) -> Histogram:
        return self._series(self._histograms[name], labels)

    def _series(self, metric: Metric, labels: dict[str, str]) -> Metric:
        """Return one series of a metric, and remember it if it is a tenant's."""
        if not labels:
            return metric
        tenant = labels.get("tenant")
        if tenant is None:
            return metric.labels(**labels)
        known = self._of_tenant[tenant]
        key = (metric, *labels.values())
        if (series := known.get(key)) is None:
            series = known[key] = metric.labels(**labels)
        found: Metric = series
        return found

    def _drop(self, tenant: str, only: Gauge | None = None) -> None:
        """Drop the series of a tenant, or those of one metric."""
        known = self._of_tenant[tenant]
        for metric, *labels in [key for key in known if only in (None, key[0])]:
            del known[metric, *labels]
            metric.remove(*labels)
        if not known:
            del self._of_tenant[tenant]


def _counter(definition: Definition, registry: CollectorRegistry) -> Counter:
    return Counter(definition.full_name, definition.help, definition.labels, registry=registry)


def _gauge(definition: Definition, registry: CollectorRegistry) -> Gauge:
    return Gauge(definition.full_name, definition.help, definition.labels, registry=registry)


def _histogram(definition: Definition, registry: CollectorRegistry) -> Histogram:
    name, text, labels = definition.full_name, definition.help, definition.labels
    return Histogram(name, text, labels, buckets=definition.buckets, registry=registry)
