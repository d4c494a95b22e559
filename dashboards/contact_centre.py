"""For those who use the stream: what agents do, what changes, and how far it can be trusted."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units

from dashboards.board import Board, Row
from dashboards.operators import quantiles
from dashboards.panels import Lines, Number, Query, Table
from dashboards.queries import rate, series

AWAY: Final = "logged_out|unknown"
WORKING: Final = "busy|working_after_call"


def agents(condition: str = "", *, by: str = "") -> str:
    """Return how many agents are in some states, for each of some labels; while a shard moves nobody counts twice."""
    counted = f"max by (tenant, source, state) ({series('agents', *filter(None, [condition]))})"
    return f"sum by ({by}) ({counted})" if by else f"sum({counted})"


def number(title: str, about: str, states: str) -> Number:
    """Return how many agents are in states that a pattern fits."""
    return Number(title=title, about=about, unit=units.Short, queries=[Query(agents(f'state=~"{states}"'))])


NOW: Final = Row(
    title="Now",
    panels=[
        Number(
            title="Logged in",
            about="Agents in any state but logged_out and unknown.",
            unit=units.Short,
            queries=[Query(agents(f'state!~"{AWAY}"'))],
        ),
        number("Ready", "Agents who wait for work.", "ready"),
        number("Busy", "Agents with a call, a chat or the like.", "busy"),
        number("After call", "Agents who finish what a call left to do.", "working_after_call"),
        number("Not ready", "Agents on a break, in training, or working offline.", "not_ready"),
        Number(
            title="Changes a minute",
            about="Changes of status that were published, of all kinds.",
            unit=units.EventsPerMinute,
            queries=[Query(f"60 * sum({rate('status_changes_total')})")],
        ),
    ],
)

AGENTS: Final = Row(
    title="Agents",
    panels=[
        Lines(
            title="Agents by state",
            about="All agents of the chosen tenants, in the canonical states (CSTA).",
            unit=units.Short,
            queries=[Query(agents(by="state"), "{{state}}")],
            stacked=True,
            width=12,
        ),
        Table(
            title="Agents by tenant and state",
            about="As they are now.",
            unit=units.Short,
            queries=[Query(agents(by="tenant, state"))],
            matrix=("tenant", "state"),
            width=12,
        ),
        Lines(
            title="Logged in, by tenant",
            about="The twenty tenants with most agents logged in.",
            unit=units.Short,
            queries=[Query(f"""topk(20, {agents(f'state!~"{AWAY}"', by="tenant")})""", "{{tenant}}")],
            width=12,
        ),
        Lines(
            title="Share of agents at work",
            about="Of those logged in, how many are busy or working after a call.",
            unit=units.PercentUnit,
            queries=[
                Query(
                    f"""{agents(f'state=~"{WORKING}"', by="tenant")} / ({agents(f'state!~"{AWAY}"', by="tenant")} > 0)""",
                    "{{tenant}}",
                )
            ],
            width=12,
        ),
    ],
)

CHANGES: Final = Row(
    title="Changes",
    panels=[
        Lines(
            title="Changes by state entered",
            about="Published events a minute; disappeared is who left the vendor's list.",
            unit=units.EventsPerMinute,
            queries=[Query(f"60 * sum by (state) ({rate('status_changes_total')})", "{{state}}")],
            stacked=True,
            width=12,
        ),
        Lines(
            title="Changes by tenant",
            about="Published events a minute, the twenty busiest tenants.",
            unit=units.EventsPerMinute,
            queries=[Query(f"topk(20, 60 * sum by (tenant) ({rate('status_changes_total')}))", "{{tenant}}")],
            width=12,
        ),
    ],
)

TRUST: Final = Row(
    title="How far it can be trusted",
    panels=[
        Lines(
            title="Detection delay",
            about="From the middle of the interval in which a change happened until it was seen.",
            unit=units.Seconds,
            queries=quantiles("detection_delay_seconds", "source"),
        ),
        Lines(
            title="Uncertainty",
            about="Length of the interval in which a change happened (occurred): how exact durations can be.",
            unit=units.Seconds,
            queries=quantiles("occurred_uncertainty_seconds", "source"),
        ),
        Lines(
            title="Complete up to",
            about="How long ago the tenant's stream was complete: books can be closed up to then. The twenty oldest.",
            unit=units.Seconds,
            queries=[Query(f"topk(20, max by (tenant) ({series('watermark_age_seconds')}))", "{{tenant}}")],
            alarm=300,
        ),
        Lines(
            title="Missed transitions",
            about="Changes an hour that must have happened unseen between two polls, at the least; a shorter interval helps.",
            unit=units.Short,
            queries=[
                Query(f"topk(20, 3600 * sum by (tenant) ({rate('missed_transitions_total')}))", "{{tenant}}"),
            ],
            width=12,
        ),
        Table(
            title="Tenants",
            about="Health as on the topic tenant-status; docs/operations.md says what each means.",
            unit=units.Seconds,
            queries=[
                Query(f"max by (tenant, source, health) ({series('tenant_health')}) == 1"),
                Query(
                    f"time() - max by (tenant, source) ({series('poll_last_success_timestamp_seconds')})",
                    "since the last good poll",
                ),
                Query(f"max by (tenant) ({series('watermark_age_seconds')})", "complete up to, ago"),
            ],
            labels=("tenant", "source", "health"),
            width=12,
        ),
    ],
)

CONTACT_CENTRE: Final = Board(
    uid="agent-status-contact-centre",
    title="Agent status / Contact centre",
    about="What do agents do, what changes, and how far can it be trusted?",
    rows=[NOW, AGENTS, CHANGES, TRUST],
)
