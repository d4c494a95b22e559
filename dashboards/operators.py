"""For those who run the service: is everything polled, is what was seen published, and is there room."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from dashboards.board import Board, Row
from dashboards.panels import Bars, Heat, Lines, Number, Query, Table
from dashboards.queries import of_the_process, quantile, rate, series

FAILED: Final = 'outcome!="ok"'

_SHARES: Final = {"50 %": 0.5, "99 %": 0.99}


def quantiles(name: str, *by: str) -> list[Query]:
    """Return a query for each share of a histogram's observations, for each of some labels."""
    labels = "".join(f"{{{{{label}}}}} " for label in by)
    return [Query(quantile(share, name, *by), f"{labels}{word}") for word, share in _SHARES.items()]


def totals(title: str, about: str, *queries: Query, width: int = 6) -> Lines:
    """Return a graph of what is rare: a step is an event."""
    about = f"Totals since the replicas started: {about}"
    return Lines(title=title, about=about, unit=units.Short, queries=queries, steps=True, width=width)


def worst(name: str, *by: str, word: str = "") -> Query:
    """Return a query for the ten highest totals of a counter that count at all, each called by its labels and a word."""
    legend = " ".join(f"{{{{{label}}}}}" for label in by)
    return Query(f"topk(10, sum by ({', '.join(by)}) ({series(name)}) > 0)", f"{legend}{word}")


NOW: Final = Row(
    title="Now",
    panels=[
        Number(
            title="Replicas",
            about="Replicas that are scraped.",
            unit=units.Short,
            queries=[Query(f"count({series('build_info')})")],
        ),
        Number(
            title="Shards without a replica",
            about="Their tenants are not polled. After the loss of a replica that is normal for ten seconds.",
            unit=units.Short,
            queries=[Query(f"clamp_min(max({series('shards')}) - sum({series('shards_owned')}), 0)")],
            alarm=1,
        ),
        Number(
            title="Tenants not well",
            about="Tenants whose health is neither ok nor wanted so (paused, forgotten).",
            unit=units.Short,
            queries=[
                Query(
                    f"""count(max by (tenant) ({series("tenant_health", 'health!~"ok|paused|forgotten"')}) == 1)"""
                    " or vector(0)"
                )
            ],
            alarm=1,
        ),
        Number(
            title="Tenants without config",
            about="Tenants with stored rows that no config names: they are not polled.",
            unit=units.Short,
            queries=[Query(f"sum({series('tenants_unconfigured')})")],
            alarm=1,
        ),
        Number(
            title="Failed polls",
            about="Share of the polls with another outcome than ok.",
            unit=units.PercentUnit,
            queries=[
                Query(f"(sum({rate('polls_total', FAILED)}) or vector(0)) / sum({rate('polls_total')})"),
            ],
            alarm=0.2,
        ),
        Number(
            title="Oldest watermark",
            about="How long ago the tenant that is worst off was complete.",
            unit=units.Seconds,
            queries=[Query(f"max({series('watermark_age_seconds')})")],
            alarm=300,
        ),
    ],
)

POLLS: Final = Row(
    title="Polls",
    panels=[
        Lines(
            title="Polls by outcome",
            about="docs/operations.md says of each outcome what to do.",
            unit=units.RequestsPerSecond,
            queries=[Query(f"sum by (outcome) ({rate('polls_total')})", "{{outcome}}")],
            stacked=True,
        ),
        Lines(
            title="Tenants whose polls fail",
            about="The ten with most failed polls, by outcome.",
            unit=units.RequestsPerSecond,
            queries=[
                Query(
                    f"topk(10, sum by (tenant, outcome) ({rate('polls_total', FAILED)}) > 0)", "{{tenant}} {{outcome}}"
                )
            ],
        ),
        Lines(
            title="Failed polls by source",
            about="Share of a vendor's polls with another outcome than ok; above 20 % for five minutes is an alert.",
            unit=units.PercentUnit,
            queries=[
                Query(
                    f"sum by (source) ({rate('polls_total', FAILED)}) / sum by (source) ({rate('polls_total')})",
                    "{{source}}",
                )
            ],
            alarm=0.2,
        ),
        Lines(
            title="How long polls take",
            about="Time that half and 99 % of a vendor's polls stay below, with all their requests.",
            unit=units.Seconds,
            queries=quantiles("poll_duration_seconds", "source"),
        ),
        Heat(
            title="How long polls take, all",
            about="Polls by their duration, whatever their outcome: a second band is a second kind of answer.",
            unit=units.Seconds,
            queries=[Query(f"sum by (le) ({rate('poll_duration_seconds', suffix='_bucket')})", "{{le}}")],
        ),
        Lines(
            title="Tenants by health",
            about="As on the topic tenant-status; unusable is what cannot even be told there.",
            unit=units.Short,
            queries=[
                Query(f"count by (health) (max by (tenant, health) ({series('tenant_health')}) == 1)", "{{health}}")
            ],
            stacked=True,
        ),
        Lines(
            title="Requests for queues",
            about="By outcome, of tenants with queues: true. None of it holds agents up.",
            unit=units.RequestsPerSecond,
            queries=[Query(f"sum by (outcome) ({rate('queue_polls_total')})", "{{outcome}}")],
            width=12,
        ),
        Lines(
            title="Rows of queues",
            about="Written, erased, or why one was refused.",
            unit=units.RowsPerSecond,
            queries=[Query(f"sum by (outcome) ({rate('queue_rows_total')})", "{{outcome}}")],
            width=12,
        ),
    ],
)

FRESHNESS: Final = Row(
    title="Freshness",
    panels=[
        Lines(
            title="Time since the last good poll",
            about="The ten tenants that waited longest; five minutes are an alert.",
            unit=units.Seconds,
            queries=[
                Query(
                    f"topk(10, time() - max by (tenant) ({series('poll_last_success_timestamp_seconds')}))",
                    "{{tenant}}",
                )
            ],
            alarm=300,
        ),
        Lines(
            title="Age of the watermark",
            about="How long ago a tenant's stream was complete, the ten oldest; five minutes are an alert.",
            unit=units.Seconds,
            queries=[Query(f"topk(10, max by (tenant) ({series('watermark_age_seconds')}))", "{{tenant}}")],
            alarm=300,
        ),
        Lines(
            title="Detection delay",
            about="From the middle of the interval in which a change happened until it was seen.",
            unit=units.Seconds,
            queries=quantiles("detection_delay_seconds", "source"),
        ),
        totals(
            "Snapshots in quarantine",
            "many agents were missing at once, so nobody came or went.",
            worst("held_snapshots_total", "tenant", "reason"),
        ),
        totals(
            "Agents held",
            "times that an agent kept its stored state though another was shown.",
            worst("held_agents_total", "tenant", "reason"),
        ),
        totals(
            "Statuses and fields that nobody knows",
            "status_map should know the statuses; poll-once lists both.",
            worst("unmapped_statuses_total", "tenant", word=" statuses"),
            worst("unknown_fields_total", "tenant", word=" fields"),
        ),
        totals(
            "Faults of vendors' clocks",
            "times of entry that lay after the answer that told them.",
            worst("vendor_clock_faults_total", "tenant"),
        ),
    ],
)

PUBLISHING: Final = Row(
    title="Publishing",
    panels=[
        Lines(
            title="Events",
            about="Committed events by the vendor that they come from.",
            unit=units.EventsPerSecond,
            queries=[Query(f"sum by (source) ({rate('status_changes_total')})", "{{source}}")],
            stacked=True,
        ),
        Lines(
            title="Transactions",
            about="By outcome: committed, or why the shard was lost.",
            unit=units.OpsPerSecond,
            queries=[Query(f"sum by (outcome) ({rate('commits_total')}) > 0", "{{outcome}}")],
            stacked=True,
        ),
        Lines(
            title="How long transactions take",
            about="Time that half and 99 % of all transactions stay below.",
            unit=units.Seconds,
            queries=quantiles("commit_duration_seconds"),
        ),
        Lines(
            title="Producers thrown away",
            about="Totals since the replicas started, by reason: each was a shard lost and taken over again.",
            unit=units.Short,
            queries=[Query(f"sum by (reason) ({series('producer_resets_total')}) > 0", "{{reason}}")],
            steps=True,
            width=12,
        ),
        Lines(
            title="Schemas in the registry",
            about="By subject: 1 where every replica found it there, 0 where one did not. Nothing without kafka.schema_registry.",
            unit=units.Short,
            queries=[Query(f"min by (subject) ({series('schema_registered')})", "{{subject}}")],
            steps=True,
            width=12,
        ),
    ],
)

SHARDS: Final = Row(
    title="Shards",
    panels=[
        Lines(
            title="Shards by replica",
            about="What each replica serves, and how many there are: the areas should reach the line.",
            unit=units.Short,
            queries=[
                Query(f"sum by (instance) ({series('shards_owned')})", "{{instance}}"),
                Query(f"max({series('shards')})", "all"),
            ],
            stacked=True,
            whole="all",
        ),
        totals(
            "Rebalances",
            "times the shards were dealt out anew.",
            Query(f"sum by (instance) ({series('rebalances_total')})", "{{instance}}"),
            width=8,
        ),
        Lines(
            title="How long take-overs take",
            about="All since the replicas started: time that half and 99 % stay below, the state restored.",
            unit=units.Seconds,
            queries=[
                Query(
                    f"histogram_quantile({share}, sum by (le) ({series('restore_duration_seconds', suffix='_bucket')}))",
                    word,
                )
                for word, share in _SHARES.items()
            ],
        ),
        Bars(
            title="Agents by shard",
            about="The twelve largest shards; one that is much larger than the rest is one tenant's.",
            unit=units.Short,
            queries=[Query(f"topk(12, max by (shard) ({series('shard_agents')}))", "shard {{shard}}")],
            width=12,
        ),
        Bars(
            title="Tenants by shard",
            about="The twelve shards with most tenants.",
            unit=units.Short,
            queries=[Query(f"topk(12, max by (shard) ({series('shard_tenants')}))", "shard {{shard}}")],
            width=12,
        ),
    ],
)

PROCESSES: Final = Row(
    title="Processes",
    panels=[
        Lines(
            title="Clock",
            about="A replica's clock less the broker's; beyond two seconds its tenants are degraded, beyond one is an alert.",
            unit=units.Seconds,
            queries=[Query(series("clock_offset_seconds"), "{{instance}}")],
        ),
        Lines(
            title="Event loop",
            about="How late timers run: what 99 % stay below. Beyond 0.1 s for long, add replicas or CPU.",
            unit=units.Seconds,
            queries=[Query(quantile(0.99, "event_loop_lag_seconds", "instance"), "{{instance}}")],
            alarm=0.5,
        ),
        Lines(
            title="CPU",
            about="Cores in use; one event loop is saturated at one core.",
            unit=units.Short,
            queries=[
                Query(of_the_process('rate(process_cpu_seconds_total{job=~"$job"}[$__rate_interval])'), "{{instance}}")
            ],
            alarm=0.9,
        ),
        Lines(
            title="Memory",
            about="Resident memory.",
            unit=units.BytesIEC,
            queries=[Query(of_the_process('process_resident_memory_bytes{job=~"$job"}'), "{{instance}}")],
            width=6,
        ),
        Lines(
            title="Open files",
            about="Share of the files and connections that a process may have.",
            unit=units.PercentUnit,
            queries=[
                Query(
                    of_the_process('process_open_fds{job=~"$job"} / process_max_fds{job=~"$job"}'),
                    "{{instance}}",
                )
            ],
            alarm=0.8,
            width=6,
        ),
        Table(
            title="Configuration and version",
            about="What runs, whether the config in its files is in use (1) or refused (0), and for how long it is in use.",
            unit=units.Short,
            queries=[
                Query(f"max by (instance, version, python) ({series('build_info')})"),
                Query(f"max by (instance) ({series('config_last_reload_successful')})", "config in use"),
                Query(
                    f"time() - max by (instance) ({series('config_last_reload_success_timestamp_seconds')})",
                    "for seconds",
                ),
            ],
            labels=("instance", "version", "python"),
            width=12,
        ),
    ],
)

OPERATORS: Final = Board(
    uid="agent-status-operators",
    title="Agent status / Operators",
    about="Is every tenant polled, is what was seen published, and is there room?",
    rows=[NOW, POLLS, FRESHNESS, PUBLISHING, SHARDS, PROCESSES],
)
