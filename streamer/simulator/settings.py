"""What a simulated vendor is like: the one settings object of the package."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import msgspec

SHARED_PASSWORD = "simulator"  # noqa: S105 - public on purpose: it opens nothing but the simulator

MAX_PORT = 65535
MAX_SKEW = 86_400
MAX_BEHIND = 60
"""Seconds by which a cache, or a lagging node, may be behind."""


class SimulatorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one simulator.

    Equal `tenants`, `agents`, `seed`, `speed` and `churn` give equal histories, counted from the start.
    Raises `ValueError` naming the setting when a value is out of range.
    """

    tenants: int = 3
    """Number of tenants, `sim-001` onwards."""
    agents: int = 50
    """Agents per tenant at the start."""
    seed: int = 1
    """Chooses the agents' names and histories, and when a fault strikes."""
    speed: float = 1.0
    """Divides how long agents stay in a status. 1: calls of minutes; 20: calls of seconds."""
    churn: float = 0.0
    """Probability (0 to 1), at each transition, that the agent leaves the vendor's list instead."""
    faults: str = ""
    """Faults of every tenant at the start: `name[:probability[:argument]]`, separated by commas."""
    truth: Path | None = None
    """Where to record what truly happened, as JSON lines. The file is started anew."""
    requests: Path | None = None
    """Where to record each request for a vendor's data, as JSON lines. The file is started anew."""
    sources: tuple[str, ...] = ()
    """The vendor APIs that are served, by the names of the product's sources; none: all. Each that is not saves work."""
    clock_skew: float = 0.0
    """Seconds by which the vendor's clock, in all its times and the Date header, is ahead of the true time."""
    stats_cache: float = 10.0
    """Seconds from one refresh of the real-time statistics' cache to the next; 0: no cache."""
    page_size: int = 100
    """Agents on a page of Vonage's answer."""
    vonage_since: Literal["state", "interaction"] = "state"
    """What `since` of an interaction is: when its state began, or, in the document's literal words, itself."""
    token_life: float = 3600.0
    """Seconds for which a token of the OAuth endpoint is good."""
    etags: bool = True
    """Whether 8x8's answers have an ETag, and are 304 to a client that has them already."""
    compression: bool = True
    """Whether answers are compressed (gzip) for a client that asks for it."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 0
    """Port to listen on; 0 takes a free one."""

    def __post_init__(self) -> None:
        rules = {
            "tenants": (self.tenants >= 1, "at least 1"),
            "agents": (self.agents >= 1, "at least 1"),
            "speed": (0 < self.speed < math.inf, "above 0"),
            "churn": (0 <= self.churn <= 1, "from 0 to 1"),
            "clock_skew": (abs(self.clock_skew) <= MAX_SKEW, f"from -{MAX_SKEW} to {MAX_SKEW}"),
            "stats_cache": (0 <= self.stats_cache <= MAX_BEHIND, f"from 0 to {MAX_BEHIND}"),
            "page_size": (self.page_size >= 1, "at least 1"),
            "token_life": (0 < self.token_life < math.inf, "above 0"),
            "port": (0 <= self.port <= MAX_PORT, f"from 0 to {MAX_PORT}"),
        }
        for setting, (holds, rule) in rules.items():
            if not holds:
                raise ValueError(f"simulator setting {setting} is {getattr(self, setting)}; it must be {rule}")


def tenant_ids(count: int) -> list[str]:
    """The ids of the first `count` simulated tenants: `sim-001`, `sim-002`, ..."""
    return [f"sim-{number:03d}" for number in range(1, count + 1)]
