"""What a simulated vendor is like: the one settings object of the package."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec

SHARED_PASSWORD = "simulator"  # noqa: S105 - public on purpose: it opens nothing but the simulator

MAX_PORT = 65535


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
            "port": (0 <= self.port <= MAX_PORT, f"from 0 to {MAX_PORT}"),
        }
        for setting, (holds, rule) in rules.items():
            if not holds:
                raise ValueError(f"simulator setting {setting} is {getattr(self, setting)}; it must be {rule}")


def tenant_ids(count: int) -> list[str]:
    """The ids of the first `count` simulated tenants: `sim-001`, `sim-002`, ..."""
    return [f"sim-{number:03d}" for number in range(1, count + 1)]


def tenants_config(base_url: str, count: int, *, password_env: str = "SIMULATOR_PASSWORD") -> list[dict[str, object]]:  # noqa: S107
    """The `tenants` list of a `streamer.yaml` that polls `count` simulated tenants at `base_url`.

    All of them take their password from the environment variable `password_env`, which the caller sets to
    `SHARED_PASSWORD`.
    """
    return [
        {
            "id": tenant,
            "source": "8x8-agent-status",
            "base_url": base_url,
            "username": tenant,
            "password": {"env": password_env},
        }
        for tenant in tenant_ids(count)
    ]
