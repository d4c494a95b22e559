"""Every vendor API that is simulated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from streamer.simulator.api import Api
from streamer.simulator.eight_by_eight_api import AgentStatusApi
from streamer.simulator.google_api import GoogleApi
from streamer.simulator.realtime_stats_api import RealTimeStatsApi
from streamer.simulator.settings import SimulatorSettings
from streamer.simulator.vonage_api import VonageApi


class Maker(Protocol):
    """Makes an API of a simulation that began at `start` (ms since the epoch)."""

    def __call__(self, settings: SimulatorSettings, *, start: int) -> Api:
        """Return the API, which knows of no agent yet."""


APIS: Mapping[str, Maker] = {
    "8x8-agent-status": AgentStatusApi,
    "8x8-realtime-stats": RealTimeStatsApi,
    "vonage-agent-status": VonageApi,
    "google-ccaip": GoogleApi,
}
"""By the name that the product's config gives the source."""


def parse_sources(text: str) -> tuple[str, ...]:
    """Read names of `APIS`, separated by commas; an empty text means none. Raises `ValueError` for an unknown one."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if unknown := [name for name in names if name not in APIS]:
        raise ValueError(f"unknown source {unknown[0]!r}; known sources: {', '.join(APIS)}")
    return names
