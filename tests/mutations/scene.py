"""The real store, poller and source in one process, moved step by step, beside a real broker and a simulated vendor."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from streamer.clock import SystemClock
from streamer.config import AgentStatus8x8, KafkaConfig, LiteralSecret
from streamer.polling.poller import TenantPoller
from streamer.polling.tools import Tools
from streamer.simulator import SHARED_PASSWORD, SimulatorServer, SimulatorSettings, parse_faults, tenant_ids
from streamer.simulator.eight_by_eight import Status
from streamer.sources.http import Http
from streamer.sources.registry import make_source
from streamer.store.engine import ShardLost
from streamer.store.kafka.deadlines import Deadlines
from streamer.store.kafka.store import KafkaStore
from streamer.store.shard import Shard, Update
from tests.oracle import Evidence, Facts, Verdict, judge
from tests.support.polled import AGENT_STATUS, polled, truth_of
from tests.support.pollers import poller_on
from tests.support.readers import EVENTS, ROWS, TENANTS, KafkaReader

if TYPE_CHECKING:
    from types import TracebackType

    from streamer.signals import Signal
    from streamer.store.kafka.takeover import TakeOver

TENANT: Final = tenant_ids(1)[0]
DEADLINES: Final = Deadlines(request=2.0, commit=4.0, transaction=6.0, start=10.0, silence=20.0, close=2.0, kill=1.0)

READY: Final = Status(agent_status=4, agent_sub_status="none")
BUSY: Final = Status(agent_status=9, agent_sub_status="none")
AWAY: Final = Status(agent_status=3, agent_sub_status="none")
OFFLINE: Final = Status(agent_status=5, agent_sub_status="none")


@dataclass
class Owner:
    """Who owns the shard, or thinks so."""

    shard: Shard
    poller: TenantPoller

    async def poll(self) -> str | None:
        """Poll; return why the shard was lost, None if it was not. Either may be right: the oracle is who judges."""
        try:
            await self.poller.poll()
        except ShardLost as lost:
            return lost.reason
        return None


class Scene:
    """One tenant of four agents who do nothing of their own accord, in one shard that the test takes over."""

    def __init__(self, *, bootstrap: str, prefix: str, folder: Path, deadlines: Deadlines = DEADLINES) -> None:
        """Take the broker, the prefix of the topics, a folder for the truth, and the store's deadlines."""
        self.reader = KafkaReader(bootstrap, prefix)
        self.config = KafkaConfig(bootstrap_servers=(bootstrap,), topic_prefix=prefix, partitions=1)
        self._truth = folder / "truth.jsonl"
        settings = SimulatorSettings(tenants=1, agents=4, speed=0.0001, truth=self._truth)
        self._simulator = SimulatorServer(settings)
        self._clock = SystemClock()
        self._http = Http(clock=self._clock)
        self._tools = Tools(observer=_ignore, clock=self._clock)
        self.store, self._patient = self._store(deadlines), self._store(Deadlines())
        self._stack = AsyncExitStack()
        self._shards: list[Shard] = []

    async def __aenter__(self) -> Self:
        """Start the vendor and make the topics."""
        await self._stack.enter_async_context(self._simulator)
        await self._stack.enter_async_context(self._http)
        await self._patient.start()
        for agent in self.agents:
            await self.becomes(agent, READY)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop every shard and stop the vendor."""
        for shard in self._shards:
            await shard.kill()
        await self._stack.aclose()

    def _store(self, deadlines: Deadlines) -> KafkaStore:
        return KafkaStore(config=self.config, retention=86_400_000, clock=self._clock, deadlines=deadlines)

    @property
    def agents(self) -> list[str]:
        """The agents' ids, sorted."""
        lines = [json.loads(line) for line in self._truth.read_text().splitlines()]
        return sorted({line["agent"] for line in lines if "agent" in line})

    async def becomes(self, agent: str, status: Status | None) -> None:
        """Let one true change happen now; whatever is asked after this is asked later."""
        await self._simulator.simulation.force(TENANT, agent, status)
        await asyncio.sleep(0.01)

    def faults(self, faults: str) -> None:
        """Replace the vendor's faults."""
        self._simulator.simulation.faults.replace(parse_faults(faults))

    async def asked(self) -> None:
        """Wait until a request is under way."""
        traffic, deadline = self._simulator.simulation.traffic[TENANT], time.monotonic() + 10
        while not traffic.in_flight:
            assert time.monotonic() < deadline, "nobody asked"
            await asyncio.sleep(0.005)

    def attempt(self, kind: type[TakeOver]) -> TakeOver:
        """Return an attempt of another kind to take the shard over."""
        store = self.store
        return kind(shard=0, clients=store._clients, clock=store._clock, gate=store._gate)

    async def take_over(self, attempt: TakeOver | None = None) -> Owner:
        """Take the shard over, one way or another; the owner polls the tenant."""
        shard = await (attempt or self.store.attempt(0)).run(lambda: True)
        self._shards.append(shard)
        config = AgentStatus8x8(
            id=TENANT,
            base_url=self._simulator.base_url,
            username=TENANT,
            password=LiteralSecret(SHARED_PASSWORD),
            heartbeat=60_000,
        )
        source = make_source(config, http=self._http, clock=self._clock)
        return Owner(shard, poller_on(shard, config=config, source=source, tools=self._tools))

    async def end(self) -> Verdict:
        """Go on with a fresh owner, who has all the time, over some last changes; and judge what was published."""
        self.store = self._patient
        owner = await self.take_over()
        await owner.poller.poll()
        for agent in (self.agents[0], self.agents[-1]):
            await self.becomes(agent, OFFLINE)
        await owner.poller.poll()
        report = owner.poller.reporter.record(owner.shard.state(TENANT))
        await owner.shard.commit(Update(records=(report,)))
        await owner.shard.close()
        reader = self.reader
        return judge(
            Evidence(
                events=reader.read(EVENTS),
                rows=reader.read(ROWS),
                tenants=reader.read(TENANTS),
                truth=truth_of(map(json.loads, self._truth.read_text().splitlines()), polled(1, [AGENT_STATUS])),
                facts=Facts(absent_after=3, settled=[TENANT]),
            )
        )


def _ignore(_signal: Signal) -> None:
    """Observe nothing."""
