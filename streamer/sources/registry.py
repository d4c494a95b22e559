"""All sources by name. To add one: a file beside this one, a line below, its keys in the config's table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from streamer.clock import Clock
from streamer.config import TenantConfig
from streamer.sources.eight_by_eight_agent_status import EightByEightAgentStatus
from streamer.sources.eight_by_eight_realtime_stats import EightByEightRealTimeStats
from streamer.sources.google_ccaip import GoogleCcaipAgentStatuses
from streamer.sources.http import Http
from streamer.sources.pace import Pace
from streamer.sources.source import Source, SourceKind
from streamer.sources.vonage_agent_status import VonageAgentStatus

SOURCES: Final[Mapping[str, SourceKind]] = MappingProxyType(
    {
        "8x8-agent-status": EightByEightAgentStatus,
        "8x8-realtime-stats": EightByEightRealTimeStats,
        "google-ccaip": GoogleCcaipAgentStatuses,
        "vonage-agent-status": VonageAgentStatus,
    }
)
"""The class of each source, by the name that tenants give as `source`."""


def make_source(config: TenantConfig, *, http: Http, clock: Clock, pace: Pace | None = None) -> Source:
    """Make the source of one tenant. Nothing is sent and no secret is read before the first poll.

    All its requests keep the tenant's `rate`: by `pace` if others go by it too, else by one of its own.
    """
    pace = pace or Pace(rate=config.rate, clock=clock)
    return SOURCES[config.source](config=config, http=http.paced(pace), clock=clock)


def check_status_map(config: TenantConfig) -> Mapping[str, str]:
    """Return the keys of a tenant's `status_map` that its source can't read, each with what is wrong and what to do."""
    kind = SOURCES[config.source]
    faults = {key: kind.status_key_fault(key) for key in config.status_map}
    return {key: fault for key, fault in faults.items() if fault is not None}
