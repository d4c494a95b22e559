"""Every metric of the service, as data: the registry and the reference page are both made from this table.

Dashboards and alerts depend on names and labels: one may be added, none is renamed.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

from msgspec import Struct

from streamer.diff.differ import Held
from streamer.events.encode import Refusal
from streamer.store.engine import REASONS

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]

PREFIX: Final = "streamer_"

OF_TENANT: Final = ("tenant", "source")
"""The labels that say whom a series is about."""

_REQUEST: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_COMMIT: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_DELAY: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0)
_RESTORE: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_LAG: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Definition(Struct, frozen=True):
    """One metric: its name without the prefix, and for a histogram the upper bounds of its buckets, in seconds.

    `zeros` are the values of a counter's own label that are there at 0 before anything is counted.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    zeros: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """The name as it is scraped."""
        return PREFIX + self.name

    @property
    def own_label(self) -> str | None:
        """The label that says what of a tenant, or of the process, is told; None where the metric is of one thing."""
        return next((label for label in self.labels if label not in OF_TENANT), None)


WATERMARK_AGE: Final = Definition(
    "watermark_age_seconds",
    "gauge",
    "Now less the tenant's `complete_through`, worked out at the scrape.",
    ("tenant",),
)

DEFINITIONS: Final = (
    Definition(
        "polls_total",
        "counter",
        "Polls by outcome: ok, or what went wrong.",
        ("tenant", "source", "outcome"),
        zeros=("ok",),
    ),
    Definition(
        "poll_duration_seconds",
        "histogram",
        "How long a poll took, with all its requests and whatever its outcome.",
        ("source",),
        _REQUEST,
    ),
    Definition(
        "poll_last_success_timestamp_seconds",
        "gauge",
        "When the tenant's last successful poll ended, in seconds since the Unix epoch. Before the first one here: the "
        "watermark that was found, or when polling began.",
        ("tenant", "source"),
    ),
    Definition(
        "agents",
        "gauge",
        "Agents by canonical state, as stored.",
        ("tenant", "source", "state"),
    ),
    Definition(
        "status_changes_total",
        "counter",
        "Committed events by the state that was entered, or `disappeared`.",
        ("tenant", "source", "state"),
    ),
    Definition(
        "commits_total",
        "counter",
        "Transactions by outcome: committed, or why the shard was lost.",
        ("outcome",),
        zeros=("committed", *REASONS),
    ),
    Definition(
        "commit_duration_seconds",
        "histogram",
        "How long a transaction took, whatever its outcome.",
        (),
        _COMMIT,
    ),
    Definition(
        "detection_delay_seconds",
        "histogram",
        "From the middle of the interval in which a change happened to its detection.",
        ("source",),
        _DELAY,
    ),
    Definition(
        "occurred_uncertainty_seconds",
        "histogram",
        "Length of the interval in which a change happened (`occurred`).",
        ("source",),
        _DELAY,
    ),
    WATERMARK_AGE,
    Definition(
        "missed_transitions_total",
        "counter",
        "Transitions that must have happened unseen between two polls, at the least.",
        ("tenant", "source"),
    ),
    Definition(
        "held_snapshots_total",
        "counter",
        "Snapshots whose appearances and disappearances were quarantined.",
        ("tenant", "reason"),
        zeros=get_args(Held),
    ),
    Definition(
        "held_agents_total",
        "counter",
        "Times an agent kept its stored state although a snapshot showed another.",
        ("tenant", "reason"),
        zeros=(*get_args(Refusal), "older_view"),
    ),
    Definition(
        "queue_polls_total",
        "counter",
        "Requests for queues by outcome: ok, or what went wrong. None is a poll: `polls_total` counts those.",
        ("tenant", "source", "outcome"),
    ),
    Definition(
        "queue_rows_total",
        "counter",
        "Rows of queues by outcome: written, erased, or why one was refused.",
        ("tenant", "source", "outcome"),
    ),
    Definition(
        "unmapped_statuses_total",
        "counter",
        "Vendor codes that no mapping knows, once for each poll that published some: `unknown`, or told by the rest.",
        ("tenant", "source"),
    ),
    Definition(
        "unknown_fields_total",
        "counter",
        "Fields that the vendor's document does not show, ignored: each once for a poll that read it, whatever the number "
        "of agents. An item that is as it was is not read again.",
        ("tenant", "source"),
    ),
    Definition(
        "vendor_clock_faults_total",
        "counter",
        "Times of entry by the vendor that lay after its own answer; the poll's bounds were used.",
        ("tenant",),
    ),
    Definition(
        "tenant_health",
        "gauge",
        "1 for the tenant's health as on `tenant-status`, and `unusable` where its stored state is and nothing is told.",
        ("tenant", "source", "health"),
    ),
    Definition(
        "tenants_unconfigured",
        "gauge",
        "Tenants with stored rows but without config.",
    ),
    Definition(
        "shards",
        "gauge",
        "Shards that there are, served here or elsewhere.",
    ),
    Definition(
        "shards_owned",
        "gauge",
        "Shards that are served here.",
    ),
    Definition(
        "shard_tenants",
        "gauge",
        "Tenants of a shard that are polled here; its share of the load.",
        ("shard",),
    ),
    Definition(
        "shard_agents",
        "gauge",
        "Agents of a shard that have a status, as stored.",
        ("shard",),
    ),
    Definition(
        "rebalances_total",
        "counter",
        "Times the shards were dealt out anew among the replicas.",
    ),
    Definition(
        "restore_duration_seconds",
        "histogram",
        "How long it took to take a shard over, its state restored.",
        (),
        _RESTORE,
    ),
    Definition(
        "producer_resets_total",
        "counter",
        "Producers thrown away with the state read for them, by reason.",
        ("reason",),
        zeros=REASONS,
    ),
    Definition(
        "clock_offset_seconds",
        "gauge",
        "Our clock less the broker's, as seen at the last commit.",
    ),
    Definition(
        "event_loop_lag_seconds",
        "histogram",
        "How late the event loop ran a timer.",
        (),
        _LAG,
    ),
    Definition(
        "config_last_reload_successful",
        "gauge",
        "1 if the config in its files is in use, 0 if the files are refused and the one before is.",
    ),
    Definition(
        "config_last_reload_success_timestamp_seconds",
        "gauge",
        "When a config was last taken into use, in seconds since the Unix epoch.",
    ),
    Definition(
        "schema_registered",
        "gauge",
        "1 if the schema registry has the schema of a topic's values, 0 if it can't be asked or refuses it; none without one.",
        ("subject",),
    ),
    Definition(
        "build_info",
        "gauge",
        "Always 1; the labels say what runs.",
        ("version", "python"),
    ),
)
