"""A tenant's poller on a shard, as a shard's crew makes it."""

from __future__ import annotations

from streamer.config import TenantConfig
from streamer.polling.ledger import Ledger
from streamer.polling.poller import TenantPoller
from streamer.polling.reporter import Reporter, ReportTerms
from streamer.polling.standing import Standing
from streamer.polling.telling import Teller
from streamer.polling.tools import Tools
from streamer.sources.source import Source
from streamer.store.shard import Shard


def poller_on(
    shard: Shard, *, config: TenantConfig, source: Source, tools: Tools, standing: Standing | None = None
) -> TenantPoller:
    """Make a tenant's poller; `standing` is the one whose pace the source keeps to."""
    terms = ReportTerms(
        source=source.name,
        heartbeat=config.heartbeat,
        interval=config.interval,
        assumed_age=source.assumed_age_ms,
    )
    ledger = Ledger(
        tenant=config.id,
        shard=shard,
        reporter=Reporter(state=shard.state(config.id), terms=terms, clock=tools.clock, observer=tools.observer),
        teller=Teller(
            tenant=config.id,
            source=source.name,
            clock=tools.clock,
            observer=tools.observer,
            show_agents=tools.show_agents,
        ),
    )
    standing = standing or Standing(config, clock=tools.clock)
    return TenantPoller(config=config, source=source, ledger=ledger, tools=tools, standing=standing)
