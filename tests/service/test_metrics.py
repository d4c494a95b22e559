from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry

from streamer import __version__
from streamer.model import STATES
from streamer.service.metric_definitions import DEFINITIONS
from streamer.service.metrics import Metrics
from streamer.service.metrics_reference import page
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
    OperatorKey,
    PollerStarted,
    PollFinished,
    Published,
    QueuesPolled,
    SchemaProblem,
    SchemasChecked,
    ShardDropped,
    ShardLoad,
    ShardsPlaced,
    ShardTaken,
    Signal,
    SnapshotHeld,
    StateChanged,
    StatusUnmapped,
    TakeOverFailed,
    TenantGone,
    UnconfiguredTenants,
    VendorClockFault,
    WatermarkMoved,
)
from streamer.store.engine import REASONS
from tests.support.values import NOON

if TYPE_CHECKING:
    from tests.service.conftest import HandClock

ROOT = Path(__file__).resolve().parents[2]

PROMISED = """
    polls_total{tenant,source,outcome}, poll_duration_seconds{source},
    poll_last_success_timestamp_seconds{tenant,source}, agents{tenant,source,state},
    status_changes_total{tenant,source,state}, commits_total{outcome}, commit_duration_seconds,
    detection_delay_seconds{source}, occurred_uncertainty_seconds{source}, watermark_age_seconds{tenant},
    missed_transitions_total{tenant,source}, held_snapshots_total{tenant,reason}, held_agents_total{tenant,reason},
    tenants_unconfigured, shards_owned, rebalances_total, restore_duration_seconds, producer_resets_total{reason},
    clock_offset_seconds, event_loop_lag_seconds, config_last_reload_successful,
    config_last_reload_success_timestamp_seconds, build_info
"""

ACME = {"tenant": "acme", "source": "s"}


class Scrape:
    """Metrics and what a scrape of them shows."""

    def __init__(self, clock: HandClock) -> None:
        """Begin with a registry of its own."""
        self.registry = CollectorRegistry()
        self.metrics = Metrics(registry=self.registry, clock=clock, shards=12)

    def tell(self, *signals: Signal) -> None:
        """Pass signals on."""
        for signal in signals:
            self.metrics(signal)

    def value(self, name: str, **labels: str) -> float | None:
        """Return a sample's value."""
        return self.registry.get_sample_value(f"streamer_{name}", labels)

    def labels(self, name: str) -> list[dict[str, str]]:
        """Return the labels of each sample of a name."""
        samples = (sample for family in self.registry.collect() for sample in family.samples)
        return [sample.labels for sample in samples if sample.name == f"streamer_{name}"]

    def series(self, **labels: str) -> set[str]:
        """Return the names of all samples that have these labels."""
        return {
            sample.name
            for family in self.registry.collect()
            for sample in family.samples
            if labels.items() <= sample.labels.items()
        }


@pytest.fixture
def scrape(clock: HandClock) -> Scrape:
    """Metrics of a process that has just started."""
    return Scrape(clock)


def test_each_promised_metric_is_there_with_its_labels() -> None:
    """Dashboards depend on these names and labels."""
    promised = {
        name: tuple(filter(None, labels.split(",")))
        for name, labels in re.findall(r"([a-z_]+)(?:\{([a-z,]+)\})?(?:,\s|\s*$)", PROMISED)
    }
    defined = {each.name: each.labels for each in DEFINITIONS}
    assert len(promised) == 23
    assert {name: defined[name] for name in promised if name != "build_info"} == {
        name: labels for name, labels in promised.items() if name != "build_info"
    }
    assert "build_info" in defined


def test_names_follow_the_conventions_of_prometheus() -> None:
    """Counters end in `_total`, and nothing else does; each histogram has buckets in rising order."""
    for each in DEFINITIONS:
        assert each.name.endswith("_total") == (each.kind == "counter")
        assert bool(each.buckets) == (each.kind == "histogram")
        assert list(each.buckets) == sorted(set(each.buckets))


def test_no_label_can_hold_an_agent() -> None:
    """Neither an agent's id nor a name, and nothing else that grows without bound."""
    labels = {label for each in DEFINITIONS for label in each.labels}
    assert labels == {
        "shard",
        "tenant",
        "source",
        "outcome",
        "state",
        "health",
        "reason",
        "subject",
        "version",
        "python",
    }


def test_the_reference_page_is_what_the_table_says() -> None:
    """`make generate` writes it."""
    assert (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8") == page()


def test_every_metric_is_registered_from_the_start(scrape: Scrape) -> None:
    """A metric that nothing fed yet is known all the same."""
    families = {family.name for family in scrape.registry.collect()}
    assert {each.full_name.removesuffix("_total") for each in DEFINITIONS} <= families


def test_what_runs_and_its_config_are_told_from_the_start(scrape: Scrape) -> None:
    """A process that runs has a config in use."""
    assert scrape.value("build_info", version=__version__, python=platform.python_version()) == 1
    assert scrape.value("config_last_reload_successful") == 1
    assert scrape.value("config_last_reload_success_timestamp_seconds") == NOON / 1000
    assert scrape.value("rebalances_total") == 0
    assert scrape.value("shards_owned") == 0


def test_the_process_itself_is_measured(scrape: Scrape) -> None:
    """CPU and memory under their usual names."""
    assert scrape.registry.get_sample_value("process_cpu_seconds_total") is not None
    assert scrape.registry.get_sample_value("process_resident_memory_bytes") is not None


def test_no_counter_has_a_created_series(scrape: Scrape) -> None:
    """They double what is stored and serve nobody."""
    scrape.tell(PollFinished(outcome="ok", seconds=0.1, finished=NOON, **ACME))
    assert not [name for name in scrape.series() if name.endswith("_created")]


def test_polls_are_counted_by_outcome(scrape: Scrape) -> None:
    """Only a good poll moves the time of the last success."""
    scrape.tell(
        PollFinished(outcome="ok", seconds=0.2, finished=NOON + 1500, **ACME),
        PollFinished(outcome="timeout", seconds=5.0, finished=NOON + 9000, **ACME),
    )
    assert scrape.value("polls_total", outcome="ok", **ACME) == 1
    assert scrape.value("polls_total", outcome="timeout", **ACME) == 1
    assert scrape.value("poll_last_success_timestamp_seconds", **ACME) == (NOON + 1500) / 1000
    assert scrape.value("poll_duration_seconds_count", source="s") == 2
    assert scrape.value("poll_duration_seconds_bucket", source="s", le="0.25") == 1


def test_events_are_counted_by_state_and_timed(scrape: Scrape) -> None:
    """One entry an event; a missed transition is counted even when there is none, so that a rate exists."""
    told = Published(
        at=NOON,
        changes=(StateChanged(None, "ready"), StateChanged("busy", "ready"), StateChanged("ready", None)),
        detection_delays=(0.3, 4.0),
        uncertainties=(1.0,),
        missed_transitions=0,
        **ACME,
    )
    scrape.tell(told)
    assert scrape.value("status_changes_total", state="ready", **ACME) == 2
    assert scrape.value("status_changes_total", state="disappeared", **ACME) == 1
    assert scrape.value("detection_delay_seconds_sum", source="s") == pytest.approx(4.3)
    assert scrape.value("occurred_uncertainty_seconds_count", source="s") == 1
    assert scrape.value("missed_transitions_total", **ACME) == 0


def test_agents_are_told_for_every_state(scrape: Scrape) -> None:
    """A state that nobody is in any more shows 0, not its last value."""
    scrape.tell(AgentsCounted(by_state={"ready": 3}, **ACME), AgentsCounted(by_state={"busy": 2}, **ACME))
    found = {state: scrape.value("agents", state=state, **ACME) for state in STATES}
    assert found == {**dict.fromkeys(STATES, 0), "busy": 2}


def test_what_is_held_and_what_is_odd_is_counted(scrape: Scrape) -> None:
    """Snapshots once each, agents by their number."""
    scrape.tell(
        SnapshotHeld(tenant="acme", reason="empty"),
        AgentsHeld(tenant="acme", reason="too_large", count=2),
        AgentsHeld(tenant="acme", reason="too_large", count=1),
        StatusUnmapped(field="status", code="99", **ACME),
        FieldsUnknown(fields=frozenset({"[].mood", "paging"}), **ACME),
        FieldsUnknown(fields=frozenset({"paging"}), **ACME),
        VendorClockFault(tenant="acme", count=4),
    )
    assert scrape.value("held_snapshots_total", tenant="acme", reason="empty") == 1
    assert scrape.value("held_agents_total", tenant="acme", reason="too_large") == 3
    assert scrape.value("unmapped_statuses_total", **ACME) == 1
    assert scrape.value("unknown_fields_total", **ACME) == 3
    assert scrape.value("vendor_clock_faults_total", tenant="acme") == 4


def test_a_tenant_has_one_health(scrape: Scrape) -> None:
    """The one before is no series any more."""
    scrape.tell(
        HealthChanged(before=None, health="ok", **ACME),
        HealthChanged(before="ok", health="unusable", **ACME),
    )
    assert scrape.value("tenant_health", health="unusable", **ACME) == 1
    assert scrape.value("tenant_health", health="ok", **ACME) is None


def test_the_age_of_a_watermark_grows_by_itself(scrape: Scrape, clock: HandClock) -> None:
    """It is worked out at the scrape: a tenant of which nothing is heard grows old."""
    scrape.tell(WatermarkMoved(tenant="acme", complete_through=NOON - 2500))
    assert scrape.value("watermark_age_seconds", tenant="acme") == 2.5
    clock.now = 60
    assert scrape.value("watermark_age_seconds", tenant="acme") == 62.5


def test_a_tenant_that_is_never_polled_well_here_grows_old_all_the_same(scrape: Scrape, clock: HandClock) -> None:
    """From the watermark that a take-over found, else from when polling began: alerts are made of both series."""
    scrape.tell(
        PollerStarted(tenant="acme", source="s", complete_through=NOON - 600_000),
        PollerStarted(tenant="new", source="s"),
    )
    assert scrape.value("watermark_age_seconds", tenant="acme") == 600
    assert scrape.value("watermark_age_seconds", tenant="new") is None
    assert scrape.value("poll_last_success_timestamp_seconds", **ACME) == NOON / 1000 - 600
    assert scrape.value("poll_last_success_timestamp_seconds", tenant="new", source="s") == NOON / 1000
    scrape.tell(PollFinished(outcome="ok", seconds=0.1, finished=NOON + 1000, **ACME))
    clock.now = 60
    scrape.tell(PollerStarted(tenant="acme", source="s", complete_through=NOON))
    assert scrape.value("poll_last_success_timestamp_seconds", **ACME) == NOON / 1000 + 1


def test_queues_are_counted_by_outcome_and_their_rows_by_what_became_of_them(scrape: Scrape) -> None:
    """Beside the polls, which count as they would without queues."""
    scrape.tell(
        QueuesPolled("acme", "s", "ok", written=3, erased=1, refused=("too_large", "too_large")),
        QueuesPolled("acme", "s", "ok", written=2),
        QueuesPolled("acme", "s", "timeout", error="no"),
    )
    polls, rows = "queue_polls_total", "queue_rows_total"
    about = {"tenant": "acme", "source": "s"}
    assert scrape.value(polls, **about, outcome="ok") == 2
    assert scrape.value(polls, **about, outcome="timeout") == 1
    told = {"written": 5, "erased": 1, "too_large": 2}
    assert {each: scrape.value(rows, **about, outcome=each) for each in told} == told


def test_a_tenant_that_is_gone_leaves_no_series(scrape: Scrape) -> None:
    """The others stay as they are."""
    for tenant in ("acme", "other"):
        scrape.tell(
            PollFinished(tenant=tenant, source="s", outcome="ok", seconds=0.2, finished=NOON),
            AgentsCounted(tenant=tenant, source="s", by_state={"ready": 1}),
            Published(tenant, "s", NOON, (StateChanged(None, "ready"),), (), (), 1),
            SnapshotHeld(tenant=tenant, reason="empty"),
            AgentsHeld(tenant=tenant, reason="invalid", count=1),
            QueuesPolled(tenant=tenant, source="s", outcome="ok", written=1),
            StatusUnmapped(tenant=tenant, source="s", field="status", code="99"),
            FieldsUnknown(tenant=tenant, source="s", fields=frozenset({"paging"})),
            VendorClockFault(tenant=tenant, count=1),
            HealthChanged(tenant=tenant, source="s", before=None, health="ok"),
            WatermarkMoved(tenant=tenant, complete_through=NOON),
        )
    by_tenant = {each.full_name for each in DEFINITIONS if "tenant" in each.labels}
    assert scrape.series(tenant="acme") == by_tenant
    scrape.tell(TenantGone(**ACME))
    assert scrape.series(tenant="acme") == set()
    assert scrape.series(tenant="other") == by_tenant


def test_what_counts_is_at_0_before_its_first_event(scrape: Scrape) -> None:
    """Prometheus sees by how much a series grew, not that it began: each reason for which a shard can be lost is there."""
    assert [scrape.value("commits_total", outcome=each) for each in ("committed", *REASONS)] == [0] * (1 + len(REASONS))
    assert {scrape.value("producer_resets_total", reason=each) for each in REASONS} == {0}
    assert scrape.series(tenant="acme") == set()
    scrape.tell(PollerStarted(tenant="acme", source="s"))
    assert scrape.value("polls_total", outcome="ok", **ACME) == 0
    assert {scrape.value("held_snapshots_total", tenant="acme", reason=each) for each in ("empty", "shrunk")} == {0}
    held = ("too_large", "invalid", "older_view")
    assert {scrape.value("held_agents_total", tenant="acme", reason=each) for each in held} == {0}
    for name in ("missed_transitions_total", "unmapped_statuses_total", "unknown_fields_total"):
        assert scrape.value(name, **ACME) == 0
    assert scrape.value("vendor_clock_faults_total", tenant="acme") == 0


def test_another_poller_of_a_tenant_takes_nothing_of_what_was_counted_away(scrape: Scrape) -> None:
    """A changed config starts one, and so does a take-over; a tenant that came back from elsewhere begins at 0."""
    scrape.tell(
        PollerStarted(tenant="acme", source="s"),
        SnapshotHeld(tenant="acme", reason="empty"),
        PollerStarted(tenant="acme", source="s"),
    )
    assert scrape.value("held_snapshots_total", tenant="acme", reason="empty") == 1
    scrape.tell(TenantGone(**ACME), PollerStarted(tenant="acme", source="s"))
    assert scrape.value("held_snapshots_total", tenant="acme", reason="empty") == 0


def test_a_tenant_that_was_never_heard_of_may_go(scrape: Scrape) -> None:
    """It was configured, and never polled."""
    scrape.tell(TenantGone(**ACME))
    assert scrape.series(tenant="acme") == set()


def test_commits_are_counted_by_outcome(scrape: Scrape) -> None:
    """A lost one is timed too."""
    scrape.tell(
        CommitFinished(shard=1, outcome="committed", seconds=0.02, records=3),
        CommitFinished(shard=1, outcome="timeout", seconds=10.0, records=3),
        ClockOffset(seconds=-0.25),
    )
    assert scrape.value("commits_total", outcome="committed") == 1
    assert scrape.value("commits_total", outcome="timeout") == 1
    assert scrape.value("commit_duration_seconds_count") == 2
    assert scrape.value("clock_offset_seconds") == -0.25


def test_owned_shards_and_what_they_hold_are_told(scrape: Scrape) -> None:
    """A dropped shard takes its unconfigured tenants with it."""
    for shard in (1, 2):
        scrape.tell(
            ShardTaken(shard=shard, seconds=0.3, tenants=4, agents=9), UnconfiguredTenants(shard=shard, count=shard)
        )
    assert scrape.value("shards_owned") == 2
    assert scrape.value("restore_duration_seconds_count") == 2
    assert scrape.value("tenants_unconfigured") == 3
    scrape.tell(ShardDropped(shard=2, reason="stopped"))
    assert scrape.value("shards_owned") == 1
    assert scrape.value("tenants_unconfigured") == 1


def test_a_producer_is_reset_by_the_reason_alone(scrape: Scrape) -> None:
    """What is said to people would make a label without bound; a shard given up in good order is no reset."""
    scrape.tell(
        ShardDropped(shard=1, reason="fenced"),
        TakeOverFailed(shard=2, reason="timeout: no answer from 10.0.0.1:9092", retry_in=1.0),
        ShardDropped(shard=3, reason="stopped"),
    )
    assert scrape.value("producer_resets_total", reason="fenced") == 1
    assert scrape.value("producer_resets_total", reason="timeout") == 1
    resets = {labels["reason"] for labels in scrape.labels("producer_resets_total")}
    assert resets == set(REASONS)


def test_a_refused_config_is_told_until_a_good_one_comes(scrape: Scrape, clock: HandClock) -> None:
    """The time of the last good one stands meanwhile."""
    clock.now = 10
    scrape.tell(ConfigRefused(problems=("streamer.yaml:1:1: store: missing",), asked=False))
    assert scrape.value("config_last_reload_successful") == 0
    assert scrape.value("config_last_reload_success_timestamp_seconds") == NOON / 1000
    scrape.tell(ConfigLoaded(tenants=1, added=0, changed=1, removed=0))
    assert scrape.value("config_last_reload_successful") == 1
    assert scrape.value("config_last_reload_success_timestamp_seconds") == NOON / 1000 + 10


def test_the_load_of_a_shard_is_told_until_the_shard_goes(scrape: Scrape) -> None:
    """Its series go with it: another replica tells of it then."""
    scrape.tell(ShardLoad(shard=3, tenants=2, agents=40))
    assert (scrape.value("shard_tenants", shard="3"), scrape.value("shard_agents", shard="3")) == (2, 40)
    scrape.tell(ShardDropped(shard=3, reason="stopped"))
    scrape.tell(ShardDropped(shard=3, reason="stopped"))
    assert not {"streamer_shard_tenants", "streamer_shard_agents"} & scrape.series()


def test_rebalances_and_loop_lag_are_measured(scrape: Scrape) -> None:
    """A late timer falls into its bucket."""
    scrape.tell(ShardsPlaced(shards=frozenset({1}), gained=frozenset({1}), lost=frozenset()))
    scrape.tell(LoopLag(seconds=0.004))
    assert scrape.value("rebalances_total") == 1
    assert scrape.value("event_loop_lag_seconds_bucket", le="0.0025") == 0
    assert scrape.value("event_loop_lag_seconds_bucket", le="0.005") == 1


def test_a_schema_is_told_as_registered_by_its_subject(scrape: Scrape) -> None:
    """As the registry was last asked; without a registry there is no series."""
    assert "streamer_schema_registered" not in scrape.series()
    refused = SchemaProblem(kind="incompatible", text="no")
    scrape.tell(SchemasChecked(ids={"a-value": "1", "b-value": "2"}, problems={}))
    scrape.tell(SchemasChecked(ids={"a-value": "1"}, problems={"b-value": refused}))
    assert scrape.value("schema_registered", subject="a-value") == 1
    assert scrape.value("schema_registered", subject="b-value") == 0


def test_a_signal_that_no_metric_is_made_of_is_passed_over(scrape: Scrape) -> None:
    """An observer never raises."""
    before = scrape.series()
    scrape.tell(OperatorKey(tenant="acme", key="resync", outcome="done", count=1))
    assert scrape.series() == before


def test_two_services_in_one_process_do_not_meet(clock: HandClock) -> None:
    """Each has a registry of its own."""
    one, other = Scrape(clock), Scrape(clock)
    one.tell(PollFinished(outcome="ok", seconds=0.2, finished=NOON, **ACME))
    assert other.value("polls_total", outcome="ok", **ACME) is None
