"""Whatever the changes of a config, and whatever happens meanwhile: in the end it is as if begun with the last one.

Two replicas see the changes, each when it sees them, and hand the shard to each other in between.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeAlias

import looptime
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from streamer.config import AgentStatus8x8, TenantConfig
from streamer.model import Snapshot
from streamer.polling.keeper import ShardKeeper
from streamer.polling.roster import Roster
from streamer.polling.tools import Tools
from streamer.signals import ShardDropped, Signal, UnconfiguredTenants
from streamer.sources.pace import Pace
from streamer.store.engine import ShardLost
from tests.support.clock import LoopClock, running
from tests.support.memory import MemorySource, MemoryStore, MemoryVendors, tenant

NAMES: Final = ("acme", "globex", "hooli")
TOKENS: Final = ("t1", "t2")
INTERVAL: Final = 5_000
QUIET: Final = 50.0
"""Seconds after the last change after which all has settled: a lost shard comes back within half a minute."""

Keys = Mapping[str, Any]


class Assign(NamedTuple):
    """A config that a replica sees: each tenant's keys, None for one that is not in it; and whose secrets are new."""

    tenants: Mapping[str, Keys | None]
    touched: frozenset[str]
    replica: int


class Becomes(NamedTuple):
    """An agent of a tenant enters a status, or leaves the list for None."""

    tenant: str
    agent: str
    code: int | None


class Speed(NamedTuple):
    """How long commits take from now on, and answers of sources that are made from now on."""

    commits: float
    answers: float


class HandOver(NamedTuple):
    """The replica that owns the shard gives it to the other one."""


class Lose(NamedTuple):
    """The next commit is not confirmed."""


Happening: TypeAlias = Assign | Becomes | Speed | HandOver | Lose

KEYS: Final = st.sampled_from(
    [{}, {}, {"absent_after": 1}, {"paused": True}, *({"resync": token} for token in TOKENS), {"forget": True}]
)
ASSIGN: Final = st.builds(
    Assign,
    st.fixed_dictionaries({name: st.none() | KEYS for name in NAMES}),
    st.frozensets(st.sampled_from(NAMES)),
    st.sampled_from([0, 1]),
)
HAPPENS: Final = (
    ASSIGN
    | st.builds(Becomes, st.sampled_from(NAMES), st.sampled_from("ab"), st.sampled_from([4, 9, 3, None]))
    | st.builds(Speed, st.sampled_from([0.005, 0.5, 3.0]), st.sampled_from([0.02, 0.9, 4.0]))
    | st.just(Lose())
    | st.just(HandOver())
)
STEPS: Final = st.lists(st.tuples(st.sampled_from([0.0, 0.01, 0.7, 3.0, 12.0]), HAPPENS), min_size=3, max_size=25)


class Counted(MemorySource):
    """Counts the polls of its tenant that are under way, its forerunners' too."""

    under_way_by_tenant: Counter[str]
    most_by_tenant: Counter[str]

    async def snapshot(self) -> Snapshot:
        """Answer, counted."""
        self.under_way_by_tenant[self.tenant] += 1
        now = self.under_way_by_tenant[self.tenant]
        self.most_by_tenant[self.tenant] = max(now, self.most_by_tenant[self.tenant])
        try:
            return await super().snapshot()
        finally:
            self.under_way_by_tenant[self.tenant] -= 1


class World:
    """A vendor, a store, and replicas that keep the only shard one after the other."""

    def __init__(self) -> None:
        self.clock = LoopClock()
        self.store = MemoryStore(clock=self.clock)
        self.vendors = MemoryVendors(self.clock)
        self.vendors.agents.update({name: {"a": 4, "b": 9} for name in NAMES})
        self.signals: list[Signal] = []
        self.rosters = [Roster([], shards=1), Roster([], shards=1)]
        self.owner = 0
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    def keeper(self, roster: Roster) -> ShardKeeper:
        """Make the next keeper."""
        tools = Tools(observer=self.signals.append, clock=self.clock, random=lambda: 0.5)
        return ShardKeeper(0, store=self.store, roster=roster, make_source=self.source, tools=tools)

    def source(self, config: TenantConfig, pace: Pace) -> MemorySource:
        """Make a source that is counted."""
        source = self.vendors.make(config, pace)
        source.__class__ = Counted
        vars(source).update(under_way_by_tenant=self.under_way, most_by_tenant=self.most)
        return source

    def happens(self, what: Happening) -> None:
        """Let something happen."""
        match what:
            case Assign(tenants, touched, replica):
                self.rosters[replica].replace(configs(tenants), touched=touched)
            case HandOver():
                self.owner = 1 - self.owner
            case Becomes(name, agent, code):
                self.vendors.agents[name].pop(agent, None)
                if code is not None:
                    self.vendors.agents[name][agent] = code
            case Speed(commits, answers):
                self.store.seconds, self.vendors.seconds = commits, answers
            case Lose():
                self.store.commit_errors.append(ShardLost("timeout"))

    async def outcome(self) -> tuple[set[str], Mapping[str, str], int]:
        """Let all settle; return who is polled, each one's health as it was last told, and who is without config."""
        self.store.seconds, self.vendors.seconds = 0.005, 0.02
        self.store.commit_errors.clear()
        await asyncio.sleep(QUIET)
        before = {name: len(self.vendors.requests(name)) for name in NAMES}
        await asyncio.sleep(INTERVAL / 1000 + 1)
        polled = {name for name in NAMES if len(self.vendors.requests(name)) > before[name]}
        health = {each["tenant"]: each["health"] for each in self.store.reports()}
        unconfigured = 0
        for signal in self.signals:
            match signal:
                case UnconfiguredTenants(count=unconfigured):
                    pass
                case ShardDropped():
                    unconfigured = 0
        return polled, health, unconfigured


def configs(tenants: Mapping[str, Keys | None]) -> list[AgentStatus8x8]:
    """Return the configs of tenants."""
    return [tenant(name, interval=INTERVAL, **keys) for name, keys in tenants.items() if keys is not None]


async def lives(steps: Sequence[tuple[float, Happening]], last: Assign) -> None:
    """Go through the steps, and compare with a start with the last config."""
    world, left = World(), deque(steps)
    while left:
        async with running(world.keeper(world.rosters[world.owner]).run()):
            while left:
                seconds, what = left.popleft()
                world.happens(what)
                await asyncio.sleep(seconds)
                if isinstance(what, HandOver):
                    break
    async with running(world.keeper(world.rosters[world.owner]).run()):
        await asyncio.sleep(steps[-1][0])
        for replica in (0, 1):
            world.happens(last._replace(replica=replica))
        changed = await world.outcome()
    assert max(world.most.values(), default=0) <= 1, "two polls of one tenant at once"
    told = len(world.store.events())
    world.signals.clear()
    fresh = Roster(configs(last.tenants), shards=1)
    async with running(world.keeper(fresh).run()):
        begun = await world.outcome()
    assert changed == begun
    assert len(world.store.events()) == told, "a fresh start found something that was not told"
    whole(world.store.events())


def whole(events: Sequence[Mapping[str, Any]]) -> None:
    """See that each agent's chain is unbroken, and that no number of a tenant is missing or given twice."""
    chains: defaultdict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for event in events:
        numbers[event["tenant"]].append(event["tenant_sequence"])
        chains[event["tenant"], event["agent"]["id"]].append(event)
    assert all(given == list(range(1, len(given) + 1)) for given in numbers.values())
    for chain in chains.values():
        assert sum(event["change"] == "resync" for event in chain) <= len(TOKENS), "a token was carried out twice"
        for earlier, later in pairwise(chain):
            assert (later["sequence"] == 1) or (
                later["sequence"] == earlier["sequence"] + 1 and later["previous"] == earlier["current"]
            )


@settings(max_examples=60, phases=set(Phase) - {Phase.explain})
@given(steps=STEPS, last=ASSIGN)
def test_any_sequence_of_changes_ends_as_a_start_with_the_last_config(
    steps: list[tuple[float, Happening]], last: Assign
) -> None:
    """The same tenants are polled with the same health, nothing is told twice, and never two polls of one at once."""
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(lives(steps, last))
