"""A vendor, a store and a config in memory, for tests of what polls in virtual time. Guarantees are shown elsewhere."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import orjson

from streamer.clock import Clock
from streamer.config import AgentStatus8x8, LiteralSecret, TenantConfig
from streamer.events.record import EVENTS, ROWS, TENANTS, Record, Stored, Topic, partition_of, tenant_of
from streamer.model import AgentStatus, Millis, Snapshot, Window
from streamer.signals import Observer, nobody
from streamer.sources.errors import PollError
from streamer.sources.pace import Pace
from streamer.sources.source import QueueSource
from streamer.store.engine import Committed, ShardLost
from streamer.store.restore import restore
from streamer.store.shard import Shard
from streamer.store.shard_map import ShardMap, StaticShardMap
from tests.support.values import Codes, status


def tenant(name: str = "acme", **keys: Any) -> AgentStatus8x8:
    """Return a tenant's config; each tenant has an account of its own at one host."""
    given = {"platform": "na12", "username": name, "password": LiteralSecret("x"), **keys}
    return AgentStatus8x8(id=name, **given)


class MemorySource(Codes):
    """One tenant at a vendor that shows `agents` (code by id), unless the next of `errors` or `down` is raised.

    `seconds` is how long an answer takes, `requests` the loop's times at which it was asked; each sets `asked`. With a
    `pace` a snapshot takes `pages` requests, each of which waits for its turn within `timeout` seconds in all.
    """

    assumed_age_ms: Millis = 0
    queues: QueueSource | None = None

    def __init__(self, *, clock: Clock, tenant_id: str = "acme", agents: dict[str, int] | None = None) -> None:
        self.agents = {"a": 4} if agents is None else agents
        self.errors: deque[Exception] = deque()
        self.down: Exception | None = None
        self.seconds = 0.02
        self.pace: Pace | None = None
        self.pages, self.timeout = 1, 5.0
        self.requests: list[float] = []
        self.asked = asyncio.Event()
        self.under_way = self.most_under_way = 0
        self._clock = clock
        self.tenant = tenant_id

    async def snapshot(self) -> Snapshot:
        """Answer as the test wants it."""
        start, deadline = self._clock.wall(), self._clock.monotonic() + self.timeout
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            for _ in range(self.pages):
                if self.pace is not None:
                    await self.pace.turn(place="GET /", deadline=deadline)
                self.requests.append(self._clock.monotonic())
                self.asked.set()
                await asyncio.sleep(self.seconds)
        finally:
            self.under_way -= 1
        if error := self.errors.popleft() if self.errors else self.down:
            raise error
        shown = {agent: status(agent, code) for agent, code in self.agents.items()}
        return Snapshot(tenant=self.tenant, window=Window(start, self._clock.wall()), agents=shown)

    async def agent(self, agent_id: str) -> AgentStatus:
        """Answer for one agent."""
        try:
            return status(agent_id, self.agents[agent_id])
        except KeyError:
            raise PollError("not_found", "no such agent") from None


class MemoryVendors:
    """The vendor of every tenant: sources as pollers need them, `made` in their order, which all show its agents.

    `seconds` is how long the answers of sources that are made from now on take, `down` what they fail with.
    """

    def __init__(self, clock: Clock) -> None:
        self.agents: dict[str, dict[str, int]] = {}
        self.made: list[MemorySource] = []
        self.seconds = 0.02
        self.down: Exception | None = None
        self.clock = clock

    def make(self, config: TenantConfig, pace: Pace) -> MemorySource:
        """Make a tenant's source."""
        agents = self.agents.setdefault(config.id, {"a": 4})
        source = MemorySource(clock=self.clock, tenant_id=config.id, agents=agents)
        source.seconds, source.down = self.seconds, self.down
        source.pace = pace
        self.made.append(source)
        return source

    def of(self, tenant: str) -> list[MemorySource]:
        """Return the sources that were made of a tenant."""
        return [each for each in self.made if each.tenant == tenant]

    def requests(self, tenant: str) -> list[float]:
        """Return when a tenant was asked about, whoever asked."""
        return [request for each in self.of(tenant) for request in each.requests]

    def under_way(self, tenant: str) -> int:
        """Return how many polls of a tenant are under way."""
        return sum(each.under_way for each in self.of(tenant))


class MemoryEngine:
    """The writer of one shard for as long as nobody took it over later."""

    def __init__(self, store: MemoryStore, number: int, epoch: int) -> None:
        self._store, self._number, self._epoch = store, number, epoch

    async def commit(self, records: Sequence[Record]) -> Committed:
        """Commit, or fail as the test wants it."""
        await asyncio.sleep(self._store.seconds)
        if self._store.commit_errors:
            self._store.failed.set()
            raise self._store.commit_errors.popleft()
        if self._store.epochs[self._number] != self._epoch:
            raise ShardLost("fenced")
        self._store.write(records)
        return Committed(clock_offset=self._store.clock_offset)

    async def close(self) -> None:
        """Note it."""
        self._store.history.append("closed")

    async def kill(self) -> None:
        """Note it."""
        self._store.history.append("killed")


class MemoryStore:
    """A store that ends with the test. `commits` are its transactions, `history` what else befell its engines.

    `seconds` is how long a commit takes; the next commit or take-over raises what stands in its list of errors, and
    `failed` is set when a commit did.
    """

    def __init__(self, *, clock: Clock, shards: int = 1) -> None:
        self.shards = shards
        self.node = "memory"
        self.seconds = 0.005
        self.clock_offset: float | None = None
        self.commits: list[list[Record]] = []
        self.commit_errors: deque[Exception] = deque()
        self.failed = asyncio.Event()
        self.take_over_errors: deque[Exception] = deque()
        self.history: list[str] = []
        self.epochs: Counter[int] = Counter()
        self.taken_at: list[float] = []
        self._clock = clock
        self._partitions: defaultdict[int, list[Stored]] = defaultdict(list)

    async def start(self) -> None:
        """Nothing is missing."""

    async def stop(self) -> None:
        """Nothing is open."""

    def shard_map(self, _observer: Observer) -> ShardMap:
        """All shards are served here."""
        return StaticShardMap(range(self.shards))

    async def tend(self, _observer: Observer) -> None:
        """Nothing is to be done."""

    async def take_over(
        self,
        number: int,
        still_ours: Callable[[], bool],
        observer: Observer = nobody,  # noqa: ARG002 - it takes no time
    ) -> Shard:
        """Fence whoever wrote before, then read."""
        assert still_ours()
        self.taken_at.append(self._clock.monotonic())
        if self.take_over_errors:
            raise self.take_over_errors.popleft()
        self.epochs[number] += 1
        self.history.append("taken")
        tables = [each for each in self._partitions[number] if each.topic != EVENTS]
        tenants = restore(tables, shard=number, shards=self.shards)
        engine = MemoryEngine(self, number, self.epochs[number])
        offset = self.clock_offset
        return Shard(number=number, tenants=tenants, engine=engine, clock=self._clock, clock_offset=offset)

    async def read(
        self, topic: Topic, *, follow: bool = False, from_beginning: bool = True, observer: Observer | None = None
    ) -> AsyncIterator[Stored]:
        """Yield what is there."""
        assert observer is None, "nothing here takes long"
        assert from_beginning, "nothing here reads from the end"
        assert not follow, "nothing here follows"
        for number in sorted(self._partitions):
            for record in self._partitions[number]:
                if record.topic == topic:
                    yield record

    def write(self, records: Sequence[Record]) -> None:
        """Append one transaction."""
        self.commits.append(list(records))
        for each in records:
            number = partition_of(tenant_of(each.key), self.shards)
            log = self._partitions[number]
            log.append(Stored(each.topic, number, len(log), each.key, each.value, each.headers))

    def events(self) -> list[dict[str, Any]]:
        """Return all events, in their order."""
        return self._values(EVENTS)

    def reports(self) -> list[dict[str, Any]]:
        """Return all records of tenants' status, in their order."""
        return self._values(TENANTS)

    def rows(self) -> dict[bytes, bytes]:
        """Return the table of agents: the newest value of each key that is no tombstone."""
        newest = {each.key: each.value for each in self._records() if each.topic == ROWS}
        return {key: value for key, value in newest.items() if value is not None}

    def _values(self, topic: Topic) -> list[dict[str, Any]]:
        return [orjson.loads(each.value or b"") for each in self._records() if each.topic == topic]

    def _records(self) -> list[Record]:
        return [record for commit in self.commits for record in commit]
