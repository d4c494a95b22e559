"""What each source adds to the keys of every tenant. To add a source: a file beside this one, and a line below."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from streamer.config.tenants import TenantConfig
from streamer.config.vendors.eight_by_eight import AgentStatus8x8, RealTimeStats8x8
from streamer.config.vendors.google_ccaip import GoogleCcaip
from streamer.config.vendors.vonage import Vonage

SOURCES: Final[Mapping[str, type[TenantConfig]]] = MappingProxyType(
    {
        "8x8-agent-status": AgentStatus8x8,
        "8x8-realtime-stats": RealTimeStats8x8,
        "google-ccaip": GoogleCcaip,
        "vonage-agent-status": Vonage,
    }
)
"""The config class of each source, by the name that tenants give as `source`."""
