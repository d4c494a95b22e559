"""The service: wires config, store, sources, pollers, metrics and the HTTP server together, and runs until stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from typing import Final, TypeAlias

import structlog
from prometheus_client import CollectorRegistry

from streamer.clock import Clock, SystemClock
from streamer.config import Config, TenantConfig
from streamer.config.watching import Change
from streamer.polling.backoff import BASE
from streamer.polling.guarded import guarded
from streamer.polling.keeper import ShardKeeper
from streamer.polling.roster import Roster
from streamer.polling.supervisor import Supervisor
from streamer.polling.tools import Tools
from streamer.service.log_subscriber import REMIND_AFTER, LogSubscriber
from streamer.service.loop_lag import measure_loop_lag
from streamer.service.metrics import Metrics
from streamer.service.quiet import Quiet
from streamer.service.readiness import Readiness
from streamer.service.reloading import Reloader
from streamer.service.server import AdminServer
from streamer.service.status.board import StatusBoard
from streamer.service.status.report import About, StatusReport
from streamer.signals import Observer, fan_out
from streamer.sources.http import Http
from streamer.sources.pace import Pace
from streamer.sources.registry import make_source
from streamer.sources.source import Source
from streamer.store.shard_map import ShardMap
from streamer.store.store import Store

STORE_RETRY_LONGEST: Final = 15.0

Changes: TypeAlias = AsyncIterator[Change]

_log = structlog.get_logger(__name__)


class Service:
    """One process's service. `run` it once."""

    def __init__(
        self,
        config: Config,
        *,
        store: Store,
        clock: Clock | None = None,
        observers: Iterable[Observer] = (),
    ) -> None:
        """Take the config and its store; `observers` see every signal beside metrics and logs."""
        self._config = config
        self._store = store
        self._clock = clock or SystemClock()
        self._roster = Roster(config.tenants, shards=store.shards)
        self.registry = CollectorRegistry()
        self.readiness = Readiness()
        metrics = Metrics(registry=self.registry, clock=self._clock, shards=store.shards)
        board = StatusBoard(clock=self._clock)
        about = About(
            name=store.node, store=config.store.kind, shards=store.shards, show_agents=config.server.show_agents
        )
        self._status = StatusReport(
            about, board=board, roster=self._roster, readiness=self.readiness, clock=self._clock
        )
        self._observer = fan_out([metrics, LogSubscriber(), self.readiness, board, *observers])
        self._reloader = Reloader(config, roster=self._roster, observer=self._observer)

    async def run(
        self, started: Callable[[int], None] = lambda _port: None, *, changes: Callable[[], Changes] | None = None
    ) -> None:
        """Serve until cancelled, then give the shards up in good order; `started` is told the HTTP server's port.

        What `changes` yields of the config is taken into use meanwhile.

        Raises:
            StoreError: the store can't be used as configured.
            OSError: the HTTP server's address can't be listened on.

        """
        server = self._config.server
        async with AdminServer(
            host=server.host,
            port=server.port,
            registry=self.registry,
            unready=self.readiness.missing,
            status=self._status.body,
        ) as admin:
            started(admin.port)
            async with asyncio.TaskGroup() as group:
                tend = partial(self._store.tend, self._observer)
                beside = [
                    group.create_task(measure_loop_lag(observer=self._observer, clock=self._clock), name="loop lag"),
                    group.create_task(guarded(tend, "store"), name="tend the store"),
                ]
                if changes is not None:
                    follow = partial(self._follow, changes)
                    beside.append(group.create_task(guarded(follow, "config"), name="config"))
                try:
                    await self._serve()
                finally:
                    for each in beside:
                        each.cancel()

    async def _follow(self, changes: Callable[[], Changes]) -> None:
        await self._reloader.follow(changes())

    async def _serve(self) -> None:
        await self._reach_store()
        try:
            async with Http(clock=self._clock) as http:
                show_agents = self._config.server.show_agents
                tools = Tools(observer=self._observer, clock=self._clock, show_agents=show_agents)

                def source_of(tenant: TenantConfig, pace: Pace) -> Source:
                    return make_source(tenant, http=http, clock=self._clock, pace=pace)

                def keeper(number: int) -> ShardKeeper:
                    return ShardKeeper(
                        number,
                        store=self._store,
                        roster=self._roster,
                        make_source=source_of,
                        tools=tools,
                    )

                shard_map = self._store.shard_map(self._observer)
                supervisor = Supervisor(shard_map=_Watched(shard_map, self.readiness), make_keeper=keeper)
                async with asyncio.TaskGroup() as group:  # cancelled, both end side by side
                    group.create_task(shard_map.run(), name="placement")
                    group.create_task(supervisor.run(), name="supervisor")
        finally:
            await self._store.stop()

    async def _reach_store(self) -> None:
        """Start the store, again and again while it is out of reach: Kafka may come up after us."""
        delay, quiet = BASE, Quiet(clock=self._clock, again_after=REMIND_AFTER)
        while True:
            try:
                await self._store.start()
            except OSError as error:
                self.readiness.store_failed(str(error))
                if times := quiet.due("store", str(error)):
                    _log.warning("the store can't be reached; trying again", error=str(error), times=times)
                await asyncio.sleep(delay)
                delay = min(STORE_RETRY_LONGEST, delay * 2)
            else:
                return


class _Watched:
    """A shard map that tells readiness what is owned before anybody else."""

    def __init__(self, shard_map: ShardMap, readiness: Readiness) -> None:
        self._shard_map = shard_map
        self._readiness = readiness

    async def run(self) -> None:
        await self._shard_map.run()

    async def changes(self) -> AsyncIterator[frozenset[int]]:
        async for shards in self._shard_map.changes():
            self._readiness.own(shards)
            yield shards
