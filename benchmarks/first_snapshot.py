"""How large a tenant's first snapshot may be: all of it is one transaction, which has a deadline.

python -m benchmarks.first_snapshot [--agents 1000,5000,20000,50000] [--deadline 120] [--bootstrap HOST:PORT]

Without `--bootstrap` a broker is started. The records are the product's own, an event and a row for each agent, and are
committed by its own store, with a longer deadline than the product's ("limit") so that the large ones end; then a new
owner takes the shard over. "lag" is how late the event loop was at most while the transaction was under way.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from msgspec.structs import replace

from benchmarks.poll import answer, plan
from benchmarks.restore import config_of, worst_lag
from streamer.clock import SystemClock
from streamer.config import KafkaConfig
from streamer.diff.plan import Plan
from streamer.diff.state import TenantState
from streamer.sources.documented import UnknownFields
from streamer.sources.eight_by_eight_agent_status import read_agents
from streamer.store import Shard, Update
from streamer.store.engine import ShardLost
from streamer.store.kafka import KafkaStore
from streamer.store.kafka.deadlines import Deadlines
from tests.support.broker import Broker

SHARD: Final = 0
LAG_EVERY: Final = 0.005
"""Seconds between two looks at how late the event loop is."""

_WEEK: Final = 7 * 86_400_000


def first(agents: int) -> Plan:
    """Return what the first snapshot of a tenant with so many agents leads to."""
    found, _ = read_agents(answer(agents), memo={}, names=True, unknown=UnknownFields())
    return plan(TenantState(tenant="bench"), found, 0)


async def measured(config: KafkaConfig, agents: int, deadline: float) -> None:
    """Commit a first snapshot, take the shard over again, and print what it took."""
    deadlines = replace(Deadlines(), commit=deadline, transaction=deadline + Deadlines().request)
    store = KafkaStore(config=config, retention=_WEEK, clock=SystemClock(), deadlines=deadlines)
    await store.start()
    shard = await taken(store)
    planned = first(agents)
    size = sum(record.size for record in planned.records)
    worst = [0.0]
    lag = asyncio.create_task(worst_lag(worst, LAG_EVERY))
    began, cpu = time.perf_counter(), time.process_time()
    outcome = "committed"
    try:
        await shard.commit(Update(records=planned.records, state=planned.state))
    except ShardLost as lost:
        outcome = str(lost)
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    lag.cancel()
    await shard.kill()
    began = time.perf_counter()
    again = await taken(store)
    restored = time.perf_counter() - began
    live = sum(state.live for state in again.tenants.values())
    await again.kill()
    print(  # noqa: T201
        f"{agents:>8,}{size / 1e6:>9.1f}{seconds:>10.2f}{Deadlines().commit_of(len(planned.records)):>10.0f}{used:>8.2f}"
        f"{worst[0] * 1000:>8.0f}{restored:>10.2f}{live:>10,}"
        f"  {outcome}",
        flush=True,
    )


async def taken(store: KafkaStore) -> Shard:
    """Take the shard over."""
    return await store.attempt(SHARD).run(lambda: True)


def main(sizes: Sequence[int], deadline: float, bootstrap: str | None) -> None:
    """Print the table."""
    print(  # noqa: T201
        f"{'agents':>8}{'MB':>9}{'commit s':>10}{'limit s':>10}{'CPU s':>8}{'lag ms':>8}{'restore s':>10}{'restored':>10}"
        "  outcome"
    )
    with ExitStack() as stack:
        servers = bootstrap or stack.enter_context(Broker()).bootstrap
        for agents in sizes:
            asyncio.run(measured(config_of(servers, f"bench-{secrets.token_hex(4)}-", 1), agents, deadline))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", default="1000,5000,20000,50000")
    parser.add_argument("--deadline", type=float, default=120.0)
    parser.add_argument("--bootstrap")
    options = parser.parse_args()
    main([int(size) for size in options.agents.split(",")], options.deadline, options.bootstrap)
