"""The simulated contact centres: who works there, and every true change, in order.

Agents move only inside `World.advance` and `World.force`. The caller reads its clock once, advances the
world to that time and answers from it, so an answer given at time t shows exactly the changes with `at <= t`.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from streamer.simulator import activity
from streamer.simulator.activity import Activity, State
from streamer.simulator.people import name_of
from streamer.simulator.settings import SimulatorSettings, tenant_ids

AWAY_SECONDS = (10.0, 60.0)
"""How long an agent that will come back is missing from the list: the least, and the mean on top of it."""
REPLACED = 0.3
"""Of the agents that leave the list, how many leave for good, with somebody hired in their place."""


@dataclass(slots=True, kw_only=True)
class Agent:
    """One agent; `state` is null while the vendor does not list them."""

    tenant: str
    number: int
    name: str
    state: State | None = None
    steps: int = 0


class Transition(msgspec.Struct, frozen=True):
    """A true change: at `at` (ms since the epoch) `agent` went into `state`, or off the list (null)."""

    at: int
    agent: Agent
    state: State | None


class World:
    """Every tenant's agents, driven by a seed and moved by the caller's clock.

    `on_change` is called with each `Transition` in order of time, the initial states (`at` = `start`)
    first. Randomness is drawn afresh for each step of each agent from (seed, tenant, agent, step), so an agent's
    history depends on nothing else: neither on the other agents nor on how often the world is advanced.
    """

    def __init__(self, *, settings: SimulatorSettings, start: int, on_change: Callable[[Transition], None]) -> None:
        self.now = start
        self.frozen = False
        self.tenants: dict[str, list[Agent]] = {tenant: [] for tenant in tenant_ids(settings.tenants)}
        self._settings = settings
        self._on_change = on_change
        self._due: list[tuple[int, str, int, int]] = []
        for tenant in self.tenants:
            for _ in range(settings.agents):
                agent = self._hire(tenant)
                dice = self._dice(agent)
                self._enter(start, agent, activity.first_state(dice), dice)

    def advance(self, to: int) -> None:
        """Carry out every transition due up to `to` (ms since the epoch); an earlier time changes nothing."""
        while not self.frozen and self._due and self._due[0][0] <= to:
            at, tenant, number, step = heapq.heappop(self._due)
            agent = self.tenants[tenant][number]
            if agent.steps == step:
                self._move(at, agent)
        self.now = max(self.now, to)

    def force(self, at: int, agent: Agent, state: State | None) -> bool:
        """Put `agent` into `state` at `at`, a time later than `now`; false if that is where they are."""
        self.advance(at)
        if agent.state == state:
            return False
        self._enter(at, agent, state, self._dice(agent))
        return True

    def freeze(self) -> None:
        """Let nothing more happen of its own accord; `force` still works."""
        self.frozen = True

    def _move(self, at: int, agent: Agent) -> None:
        dice = self._dice(agent)
        if agent.state is None:
            self._enter(at, agent, State(Activity.LOGGED_OUT), dice)
        elif dice.random() >= self._settings.churn:
            self._enter(at, agent, activity.next_state(agent.state, dice), dice)
        elif dice.random() >= REPLACED:
            self._enter(at, agent, None, dice)
        else:
            self._enter(at, agent, None, None)
            hired = self._hire(agent.tenant)
            self._enter(at, hired, State(Activity.NEVER_LOGGED_IN), self._dice(hired))

    def _enter(self, at: int, agent: Agent, state: State | None, dice: random.Random | None) -> None:
        """Record the change and, unless `dice` is null (gone for good), plan the next one."""
        agent.state = state
        agent.steps += 1
        self._on_change(Transition(at, agent, state))
        if dice is not None:
            due = at + max(1, round(_stay_seconds(state, dice) * 1000 / self._settings.speed))
            heapq.heappush(self._due, (due, agent.tenant, agent.number, agent.steps))

    def _hire(self, tenant: str) -> Agent:
        staff = self.tenants[tenant]
        number = len(staff)
        agent = Agent(
            tenant=tenant, number=number, name=name_of(seed=self._settings.seed, tenant=tenant, number=number)
        )
        staff.append(agent)
        return agent

    def _dice(self, agent: Agent) -> random.Random:
        return random.Random(f"{self._settings.seed}/{agent.tenant}/{agent.number}/{agent.steps}")


def _stay_seconds(state: State | None, dice: random.Random) -> float:
    if state is not None:
        return activity.stay_seconds(state.activity, dice)
    least, mean = AWAY_SECONDS
    return least + dice.expovariate(1 / mean)
