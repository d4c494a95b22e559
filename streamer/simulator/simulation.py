"""The running simulation: the world, its record, what the vendors show of it, and what their clients did."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from streamer.simulator.activity import Activity, State
from streamer.simulator.api import Api
from streamer.simulator.eight_by_eight import Status, state_of, status_of
from streamer.simulator.faults import FaultPlan
from streamer.simulator.identity import Ids, ids_of
from streamer.simulator.lines import Lines
from streamer.simulator.registry import APIS
from streamer.simulator.settings import SimulatorSettings
from streamer.simulator.truth import FrozenLine, TruthLine
from streamer.simulator.world import Agent, Transition, World

KEPT = 1000
"""How many answers from a cache are remembered of each tenant."""


def wall_clock() -> int:
    """The true time: ms since the epoch, rounded down."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Traffic:
    """What one tenant's clients did: requests, how many at once at most, what they got, and the faults they met.

    `cached` has the latest answers from a cache: the moment of each, and when the cache had been refreshed.
    """

    requests: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    not_modified: int = 0
    tokens: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    cached: list[tuple[int, int]] = field(default_factory=list)

    def from_cache(self, at: int, refreshed: int) -> None:
        """Note when an answer came from a cache, and when that had been refreshed; the latest are kept."""
        self.cached.append((at, refreshed))
        del self.cached[:-KEPT]


@dataclass(slots=True)
class Manners:
    """What no good client ever causes to be counted."""

    unauthorized: int = 0
    cookies: int = 0
    foreign_cookies: int = 0
    redirects_followed: int = 0
    redirected_credentials: int = 0
    entities_fetched: int = 0


class Simulation:
    """Everything behind the HTTP server; all of it belongs to one event loop. It begins at `start` (ms).

    Every method that lets time pass raises `OSError` where the truth cannot be recorded.
    """

    def __init__(self, settings: SimulatorSettings, *, clock: Callable[[], int] = wall_clock) -> None:
        self.settings = settings
        self.start = clock()
        self.faults = FaultPlan(seed=settings.seed, faults=settings.faults)
        self.manners = Manners()
        self.apis: dict[str, Api] = {
            source: APIS[source](settings, start=self.start) for source in settings.sources or APIS
        }
        self._clock = clock
        self._ids: dict[tuple[str, int], Ids] = {}
        self._agents: dict[tuple[str, str], tuple[Agent, Ids]] = {}
        self._truth = Lines(settings.truth)
        self.requests = Lines(settings.requests)
        self._world = World(settings=settings, start=self.start, on_change=self._changed)
        self.traffic = {tenant: Traffic() for tenant in self._world.tenants}

    def refresh(self) -> int:
        """Let everything happen that is due by now, and return the time (ms). Every answer begins with this."""
        self._world.advance(self._clock())
        return self._world.now

    def vendor_clock(self) -> float:
        """The vendor's idea of the time, in seconds since the epoch."""
        return self._clock() / 1000 + self.settings.clock_skew

    def counts(self) -> dict[str, int]:
        """How many agents each tenant lists."""
        self.refresh()
        return {tenant: sum(each.state is not None for each in staff) for tenant, staff in self._world.tenants.items()}

    def ids(self, tenant: str) -> list[tuple[Ids, bool]]:
        """Everybody who ever worked for a tenant, and whether they are listed."""
        self.refresh()
        return [(ids, agent.state is not None) for (of, _), (agent, ids) in self._agents.items() if of == tenant]

    async def force(self, tenant: str, agent: str, status: Status | None) -> bool:
        """Put an agent into a status now, or off the list (null); false if that is where they were.

        Raises `KeyError` for an unknown agent, `ValueError` for an unknown status code.
        """
        target, _ = self._agents[tenant, agent]
        state = None if status is None else state_of(status)
        return self._world.force(await self._later(), target, state)

    async def stir(self, tenant: str, dice: random.Random) -> int:
        """Take an agent off the tenant's list, put one back on it, or both; return the time after that (ms)."""
        now = await self._later()
        self._world.advance(now)
        staff = self._world.tenants[tenant]
        listed = [agent for agent in staff if agent.state is not None]
        away = [agent for agent in staff if agent.state is None]
        move = dice.choice(("leave", "return", "both"))
        if listed and (move != "return" or not away):
            self._world.force(now, dice.choice(listed), None)
        if away and move != "leave":
            self._world.force(now, dice.choice(away), State(Activity.LOGGED_OUT))
        return now

    def freeze(self) -> None:
        """Stop all transitions and record that; a second time does nothing."""
        if not self._world.frozen:
            self.refresh()
            self._world.freeze()
            self._truth.write(FrozenLine(self._world.now))

    def close(self) -> None:
        """End the records. The simulation must not be used after that."""
        self._truth.close()
        self.requests.close()

    async def _later(self) -> int:
        """Wait for a time at which no answer was given yet, so that a change of that time contradicts none."""
        while (now := self._clock()) <= self._world.now:  # noqa: ASYNC110 - only the clock tells
            await asyncio.sleep(0.001)
        return now

    def _changed(self, change: Transition) -> None:
        """Record first, show then."""
        tenant, state = change.agent.tenant, change.state
        known = self._ids.get((tenant, change.agent.number))
        ids = known or self._introduced(change.agent)
        status, activity = (None, None) if state is None else (status_of(state), state.activity)
        line = TruthLine(
            at=change.at,
            tenant=tenant,
            agent=ids.agent,
            present=state is not None,
            status=status,
            activity=activity,
            ids=None if known else ids,
        )
        self._truth.write(line)
        for api in self.apis.values():
            api.follow(ids, change)

    def _introduced(self, agent: Agent) -> Ids:
        ids = ids_of(seed=self.settings.seed, tenant=agent.tenant, number=agent.number)
        self._ids[agent.tenant, agent.number] = ids
        self._agents[agent.tenant, ids.agent] = agent, ids
        return ids
