"""All sources by name. To add one: a file beside this one, a line below, its keys in the config's table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from streamer.clock import Clock
from streamer.config import TenantConfig
from streamer.sources.eight_by_eight_agent_status import EightByEightAgentStatus
from streamer.sources.google_ccaip import GoogleCcaipAgentStatuses
from streamer.sources.http import Http
from streamer.sources.source import Source, SourceKind

SOURCES: Final[Mapping[str, SourceKind]] = MappingProxyType(
    {
        "8x8-agent-status": EightByEightAgentStatus,
        "google-ccaip": GoogleCcaipAgentStatuses,
    }
)
"""The class of each source, by the name that tenants give as `source`."""


def make_source(config: TenantConfig, *, http: Http, clock: Clock) -> Source:
    """Make the source of one tenant. Nothing is sent and no secret is read before the first poll."""
    return SOURCES[config.source](config=config, http=http, clock=clock)


def check_status_map(config: TenantConfig) -> Mapping[str, str]:
    """Return the keys of a tenant's `status_map` that its source can't read, each with what is wrong and what to do."""
    kind = SOURCES[config.source]
    faults = {key: kind.status_key_fault(key) for key in config.status_map}
    return {key: fault for key, fault in faults.items() if fault is not None}
