"""What each vendor calls an agent. One person, as many ids as there are systems."""

from __future__ import annotations

import uuid

import msgspec

from streamer.simulator.eight_by_eight import agent_id

TEAMS = 4
"""Teams of each tenant: 1 to 4. Everybody is in one."""

_FIRST_LOGIN = 3_276_001
_FIRST_VONAGE = 10_001
_FIRST_GOOGLE = 11
_NAMESPACE = uuid.UUID("5c0b7c1f-9b3a-4c58-8a57-0f6d3c1f2a10")


class Ids(msgspec.Struct, frozen=True):
    """The ids of one agent."""

    number: int
    """Our own: 0 for the tenant's first agent."""
    agent: str
    """8x8, agent status: `agent-id`, the "Internal Id". The record of what truly happened calls agents by it."""
    login: str
    """8x8, real-time statistics: `agent-id`, the login id."""
    guid: str
    """8x8, real-time statistics: `agent-guid`, without the blanks around it."""
    vonage: str
    """Vonage: `agentId`; all have five digits, so that they have one order as texts and as numbers."""
    google: int
    """Google: `agent_id`."""
    team: int
    """Google: the agent's team, 1 to `TEAMS`."""


def ids_of(*, seed: int, tenant: str, number: int) -> Ids:
    """All ids of a tenant's agent, the same for the same arguments."""
    login = f"ag{_FIRST_LOGIN + number}"
    return Ids(
        number=number,
        agent=agent_id(seed=seed, tenant=tenant, number=number),
        login=login,
        guid=f"{tenant}-{login}-{uuid.uuid5(_NAMESPACE, f'{seed}/{tenant}/{number}')}",
        vonage=str(_FIRST_VONAGE + number),
        google=_FIRST_GOOGLE + number,
        team=1 + number % TEAMS,
    )
