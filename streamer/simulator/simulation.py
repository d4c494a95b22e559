"""The running simulation: the world, its record, what the vendor shows of it, and what its clients did."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from streamer.simulator.eight_by_eight import AgentList, Status, agent_id, state_of, status_of
from streamer.simulator.faults import FaultPlan
from streamer.simulator.settings import SimulatorSettings
from streamer.simulator.truth import FrozenLine, Truth, TruthLine
from streamer.simulator.world import Agent, Transition, World


def wall_clock() -> int:
    """The simulated vendor's clock: ms since the epoch, rounded down."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Traffic:
    """What one tenant's clients did: requests, how many at once at most, and the faults they met."""

    requests: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    faults: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Manners:
    """What no good client ever causes to be counted."""

    unauthorized: int = 0
    cookies: int = 0
    foreign_cookies: int = 0
    redirects_followed: int = 0
    redirected_credentials: int = 0


class Simulation:
    """Everything behind the HTTP server; all of it belongs to one event loop.

    Every method that lets time pass raises `OSError` where the truth cannot be recorded.
    """

    def __init__(self, settings: SimulatorSettings, *, clock: Callable[[], int] = wall_clock) -> None:
        self.faults = FaultPlan(seed=settings.seed, faults=settings.faults)
        self.manners = Manners()
        self._seed = settings.seed
        self._clock = clock
        self._agents: dict[tuple[str, str], Agent] = {}
        self._truth = Truth(settings.truth)
        self._lists: dict[str, AgentList] = {}
        self._world = World(settings=settings, start=clock(), on_change=self._changed)
        self.traffic = {tenant: Traffic() for tenant in self._world.tenants}

    def refresh(self) -> None:
        """Let everything happen that is due by now. Every answer begins with this."""
        self._world.advance(self._clock())

    def agents_of(self, tenant: str) -> AgentList:
        """What the vendor lists now; raises `KeyError` for an unknown tenant."""
        self.refresh()
        return self._lists[tenant]

    def counts(self) -> dict[str, int]:
        """How many agents each tenant lists."""
        self.refresh()
        return {tenant: len(listed) for tenant, listed in self._lists.items()}

    async def force(self, tenant: str, agent: str, status: Status | None) -> bool:
        """Put an agent into a status now, or off the list (null); false if that is where they were.

        Raises `KeyError` for an unknown agent, `ValueError` for an unknown status code.
        """
        target = self._agents[tenant, agent]
        state = None if status is None else state_of(status)
        # An answer may have been given in this millisecond; the change must be later than that.
        while (now := self._clock()) <= self._world.now:  # noqa: ASYNC110 - only the clock tells
            await asyncio.sleep(0.001)
        return self._world.force(now, target, state)

    def freeze(self) -> None:
        """Stop all transitions and record that; a second time does nothing."""
        if not self._world.frozen:
            self.refresh()
            self._world.freeze()
            self._truth.write(FrozenLine(self._world.now))

    def close(self) -> None:
        """End the record. The simulation must not be used after that."""
        self._truth.close()

    def _changed(self, transition: Transition) -> None:
        """Record first, show then."""
        tenant = transition.agent.tenant
        agent = agent_id(seed=self._seed, tenant=tenant, number=transition.agent.number)
        self._agents[tenant, agent] = transition.agent
        status = None if transition.state is None else status_of(transition.state)
        self._truth.write(TruthLine(transition.at, tenant, agent, status is not None, status))
        self._lists.setdefault(tenant, AgentList()).apply(agent, transition)
