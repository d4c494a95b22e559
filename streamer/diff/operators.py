"""What an operator asks of a tenant's rows through the config: resync, forget, forget some agents.

And the sweep of rows whose agents left long ago. Pure functions like the differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from streamer.diff.plan import Occasion, Plan, Writer
from streamer.diff.queues import erase_queues
from streamer.diff.state import FORGOTTEN, TenantState, Watch
from streamer.events.encode import tombstone
from streamer.model import Millis, Vocabulary


class Erasure(Struct, frozen=True):
    """What to commit so that rows are gone: the plan, how many rows go, and how many agents were refused."""

    plan: Plan
    erased: int
    refused: int = 0


def resync(state: TenantState, token: str, *, vocabulary: Vocabulary, names: bool, now: Millis) -> Plan:
    """Return one event for every agent with a current status: the same vendor status under today's mapping."""
    writer = Writer(state, vocabulary=vocabulary, now=now)
    for agent, row in sorted(state.rows.items()):
        if (status := row.status) is not None:
            writer.write(
                Occasion(
                    agent=agent,
                    kind="resync",
                    row=row,
                    name=row.name if names else None,
                    vendor=status.vendor,
                    since=status.since,
                    observed=row.observed,
                )
            )
    return writer.plan(writer.state().with_resync(token))


def forget(state: TenantState) -> Erasure:
    """Erase all rows of a tenant, its queues' too. Its sequence goes on, so that no number of an event is used twice."""
    queues = erase_queues(state)
    after = msgspec.structs.replace(queues.state, rows={}, by_state={}, watch=Watch(), health=FORGOTTEN, fault=None)
    records = (*(tombstone(state.tenant, agent) for agent in sorted(state.rows)), *queues.records)
    return Erasure(plan=Plan(records=records, state=after), erased=len(records))


def forget_agents(state: TenantState, agents: Iterable[str]) -> Erasure:
    """Erase the rows of agents that have disappeared; those with a current status are refused, others are no more."""
    known = [agent for agent in agents if agent in state.rows]
    gone = {agent for agent in known if state.rows[agent].current is None}
    return _erase(state, gone, refused=len(known) - len(gone))


def sweep(state: TenantState, *, before: Millis) -> Erasure:
    """Erase the rows of agents that disappeared before a time."""
    gone = {agent for agent, row in state.rows.items() if row.current is None and row.detected_at < before}
    return _erase(state, gone)


def _erase(state: TenantState, gone: set[str], *, refused: int = 0) -> Erasure:
    kept = {agent: row for agent, row in state.rows.items() if agent not in gone}
    by_state = Counter(row.state for row in kept.values() if row.state is not None)
    after = msgspec.structs.replace(state, rows=kept, by_state=dict(by_state))
    records = tuple(tombstone(state.tenant, agent) for agent in sorted(gone))
    return Erasure(plan=Plan(records=records, state=after), erased=len(gone), refused=refused)
