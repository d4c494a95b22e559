"""Simulated tenants, each polled by one of its vendors under an id of its own; and what that vendor showed of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from streamer.simulator import tenant_ids, tenants_config, told_by
from tests.oracle import Truth

AGENT_STATUS = "8x8-agent-status"
STATISTICS = "8x8-realtime-stats"

SHARED_RATE = "100/s"
"""What 8x8's two APIs, asked by one user, must state: they may share a budget at the vendor."""


class Polled(NamedTuple):
    """One tenant of the config."""

    id: str
    vendor_tenant: str
    source: str


def polled(count: int, sources: Sequence[str]) -> list[Polled]:
    """Poll each of the first `count` simulated tenants by each source; 8x8's agent status keeps the tenant's own id."""
    return [
        Polled(tenant if source == AGENT_STATUS else f"{tenant}.{source}", tenant, source)
        for source in sources
        for tenant in tenant_ids(count)
    ]


def tenants_of(polled: Sequence[Polled], base_url: str, *, password_env: str) -> list[dict[str, Any]]:
    """Return the `tenants` of a config that polls them."""
    count = len({each.vendor_tenant for each in polled})
    known = {
        (source, tenant["id"]): tenant
        for source in {each.source for each in polled}
        for tenant in tenants_config(base_url, count, password_env=password_env, source=source)
    }
    tenants = [{**known[each.source, each.vendor_tenant], "id": each.id} for each in polled]
    if len({each.source for each in polled}) > 1:
        for tenant in tenants:
            tenant["rate"] = SHARED_RATE
    return tenants


def truth_of(lines: Iterable[Mapping[str, Any]], polled: Iterable[Polled]) -> Truth:
    """Return what each vendor showed of the tenants, told from the simulator's record."""
    lines, ids = list(lines), {(each.source, each.vendor_tenant): each.id for each in polled}
    return {
        source: {
            (ids[source, tenant], agent): shown
            for (tenant, agent), shown in told_by(lines, source).items()
            if (source, tenant) in ids
        }
        for source in {source for source, _ in ids}
    }
