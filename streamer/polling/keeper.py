"""Keeping one shard: take it over, run its pollers and heartbeats, and when it is lost take it over again.

Safety is the store's: whatever happens here, a commit that is not ours any more fails. This is only about liveness.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

import structlog

from streamer.config import TenantConfig
from streamer.polling.poller import TenantPoller
from streamer.polling.reporter import Reporter, ReportTerms
from streamer.polling.telling import lines_of
from streamer.polling.tools import Tools
from streamer.signals import ShardDropped, ShardTaken, TakeOverFailed, TenantGone, UnconfiguredTenants
from streamer.sources.pace import Pace
from streamer.sources.source import Source
from streamer.store.engine import ShardLost
from streamer.store.shard import Shard, Update
from streamer.store.store import Store

RETRY_FIRST: Final = 1.0
RETRY_LONGEST: Final = 30.0
SETTLED_AFTER: Final = 10.0
"""Seconds of service after which a take-over counts as a success. A shard that is lost sooner each time is read from
the beginning over and over again, so that is done ever more slowly."""

CLOSE_WITHIN: Final = 5.0
"""Seconds in which the last commit of a shard must end when it is given up; else it is killed."""

_log = structlog.get_logger(__name__)

MakeSource = Callable[[TenantConfig, Pace], Source]


class ShardKeeper:
    """Keeps one shard served for as long as it is ours; one task of its own."""

    def __init__(
        self,
        number: int,
        *,
        store: Store,
        tenants: Mapping[str, TenantConfig],
        make_source: MakeSource,
        tools: Tools,
    ) -> None:
        """Take the shard's number and the tenants (by id) that belong to it."""
        self.number = number
        self._store = store
        self._tenants = tenants
        self._make_source = make_source
        self._tools = tools
        # these outlive a take-over: the vendor counts our requests whoever makes them
        self._paces = {each.id: Pace(rate=each.rate, clock=tools.clock) for each in tenants.values()}
        self._ours = True

    async def run(self) -> None:
        """Serve the shard until cancelled; then give it up in good order.

        Raises:
            StoreError: what lies in the store does not belong here; going on could do harm.

        """
        failures = 0
        try:
            while True:
                try:
                    shard = await self._take_over()
                except ShardLost as error:
                    failures += 1
                    delay = self._delay(failures)
                    self._tools.observer(TakeOverFailed(shard=self.number, reason=str(error), retry_in=delay))
                else:
                    began = self._tools.clock.monotonic()
                    lost = await self._serve(shard)
                    self._tools.observer(ShardDropped(shard=self.number, reason=str(lost)))
                    settled = self._tools.clock.monotonic() - began >= SETTLED_AFTER
                    failures = 1 if settled else failures + 1
                    delay = self._delay(failures)
                await asyncio.sleep(delay)
        finally:
            self._ours = False
            self._tools.observer(ShardDropped(shard=self.number, reason="stopped"))
            for config in self._tenants.values():
                self._tools.observer(TenantGone(tenant=config.id, source=config.source))

    async def _take_over(self) -> Shard:
        began = self._tools.clock.monotonic()
        shard = await self._store.take_over(self.number, lambda: self._ours)
        shard.observer = self._tools.observer
        self._tools.observer(
            ShardTaken(
                shard=self.number,
                seconds=self._tools.clock.monotonic() - began,
                tenants=len(shard.tenants),
                agents=sum(state.live for state in shard.tenants.values()),
            )
        )
        return shard

    def _delay(self, failures: int) -> float:
        """Return the seconds until the next take-over, after so many in a row that failed or did not last."""
        bound = min(RETRY_LONGEST, RETRY_FIRST * 2.0 ** min(failures - 1, 8))
        return bound * (0.5 + 0.5 * self._tools.random())

    async def _serve(self, shard: Shard) -> ShardLost:
        """Run everything that works on the shard until it is lost; cancelled, give it up in good order."""
        pollers = [self._poller(config, shard) for config in self._tenants.values()]
        reporters = {each.config.id: each.reporter for each in pollers} | self._unconfigured(shard)
        tasks = [
            asyncio.create_task(_guarded(poller.run, poller.config.id), name=f"poll {poller.config.id}")
            for poller in pollers
        ]
        beats = asyncio.create_task(
            _guarded(lambda: self._heartbeats(shard, reporters), f"heartbeats {self.number}"),
            name=f"heartbeats of shard {self.number}",
        )
        try:
            lost = await shard.lost()
            await _end([*tasks, beats])
            await shard.kill()
        except asyncio.CancelledError:
            await _end([*tasks, beats])
            await self._give_up(shard, reporters)
            raise
        return lost

    def _poller(self, config: TenantConfig, shard: Shard) -> TenantPoller:
        pace = self._paces[config.id]
        source = self._make_source(config, pace)
        return TenantPoller(config=config, source=source, shard=shard, tools=self._tools, pace=pace)

    def _unconfigured(self, shard: Shard) -> dict[str, Reporter]:
        """Return reporters for the tenants that have rows but no config, so that they are not silently gone."""
        orphans = {
            tenant: Reporter(
                state=state,
                terms=ReportTerms(source=state.source or "unknown", heartbeat=60_000),
                clock=self._tools.clock,
                observer=self._tools.observer,
            )
            for tenant, state in shard.tenants.items()
            if tenant not in self._tenants and state.rows and state.fault is None
        }
        self._tools.observer(UnconfiguredTenants(shard=self.number, count=len(orphans)))
        for reporter in orphans.values():
            if reporter.judge(
                "unconfigured", "it has rows but no config; configure it, or forget it with forget: true"
            ):
                reporter.due_now()
        return orphans

    async def _heartbeats(self, shard: Shard, reporters: Mapping[str, Reporter]) -> None:
        """Commit the records of all tenants whose heartbeat is due, together."""
        beat = min([60_000, *(config.heartbeat for config in self._tenants.values())]) / 1000
        while True:
            await _report(shard, reporters, lambda reporter: reporter.due())
            await asyncio.sleep(min(1.0, beat / 4))

    async def _give_up(self, shard: Shard, reporters: Mapping[str, Reporter]) -> None:
        """Tell how far the stream is complete, finish what is queued and let go, within a deadline."""
        try:
            async with asyncio.timeout(CLOSE_WITHIN):
                await shard.drain()
                await _report(shard, reporters, lambda reporter: reporter.health is not None)
                await shard.close()
        except (TimeoutError, ShardLost) as error:
            _log.warning("a shard could not be given up in good order", shard=self.number, error=repr(error))
            await shard.kill()


async def _report(shard: Shard, reporters: Mapping[str, Reporter], wanted: Callable[[Reporter], bool]) -> None:
    """Commit the records of the tenants that are `wanted`. One whose state is about to move has its turn after that."""
    records = tuple(
        reporter.record(shard.state(tenant))
        for tenant, reporter in reporters.items()
        if wanted(reporter) and not shard.is_moving(tenant)
    )
    if records:
        await shard.commit(Update(records=records))


async def _guarded(work: Callable[[], Awaitable[None]], name: str) -> None:
    """Run a background task; a fault of ours ends neither it nor the others: it is logged and begun again."""
    while True:
        try:
            await work()
        except ShardLost:
            return  # the keeper knows, and ends everything that works on the shard
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            # no traceback: its last line may hold what the fault was about, an agent's name say
            fault = {"error": type(error).__name__, "trace": lines_of(error)}
            _log.error("a background task failed by a fault of ours; it is begun again", task=name, **fault)
            await asyncio.sleep(RETRY_FIRST)
        else:
            return


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    waiting = list(tasks)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
