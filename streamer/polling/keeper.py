"""Keeping one shard: take it over, run its pollers and heartbeats, and when it is lost take it over again.

Safety is the store's: whatever happens here, a commit that is not ours any more fails. This is only about liveness.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from streamer.polling.crew import Crew, MakeSource
from streamer.polling.guarded import end, guarded
from streamer.polling.roster import Roster
from streamer.polling.standing import Standing
from streamer.polling.telling import log_fault
from streamer.polling.tools import Tools
from streamer.signals import ClockOffset, ShardDropped, ShardTaken, TakeOverFailed
from streamer.store.engine import ShardLost, StoreError
from streamer.store.shard import Shard
from streamer.store.store import Store

RETRY_FIRST: Final = 1.0
RETRY_LONGEST: Final = 30.0
SETTLED_AFTER: Final = 10.0
"""Seconds of service after which a take-over counts as a success. A shard that is lost sooner each time is read from
the beginning over and over again, so that is done ever more slowly."""

CLOSE_WITHIN: Final = 5.0
"""Seconds in which the last commit of a shard must end when it is given up; else it is killed."""

_log = structlog.get_logger(__name__)


class ShardKeeper:
    """Keeps one shard served for as long as it is ours; one task of its own."""

    def __init__(
        self,
        number: int,
        *,
        store: Store,
        roster: Roster,
        make_source: MakeSource,
        tools: Tools,
    ) -> None:
        """Take the shard's number; of the `roster` it follows the tenants that belong to it."""
        self.number = number
        self._store = store
        self._roster = roster
        self._make_source = make_source
        self._tools = tools
        self._standings: dict[str, Standing] = {}
        self._crew: Crew | None = None
        self._ours = True

    async def run(self) -> None:
        """Serve the shard until cancelled; then give it up in good order.

        Raises:
            StoreError: what lies in the store does not belong here, and going on could do harm; or we may not write.

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
                    if isinstance(lost.__cause__, StoreError):  # a take-over would not mend it
                        raise lost.__cause__
                    settled = self._tools.clock.monotonic() - began >= SETTLED_AFTER
                    failures = 1 if settled else failures + 1
                    delay = self._delay(failures)
                await asyncio.sleep(delay)
        finally:
            self._ours = False
            self._tools.observer(ShardDropped(shard=self.number, reason="stopped"))
            if self._crew is not None:
                self._crew.gone()

    async def _take_over(self) -> Shard:
        began = self._tools.clock.monotonic()
        shard = await self._store.take_over(self.number, lambda: self._ours, self._tools.observer)
        shard.observer = self._tools.observer
        self._tools.observer(
            ShardTaken(
                shard=self.number,
                seconds=self._tools.clock.monotonic() - began,
                tenants=len(shard.tenants),
                agents=sum(state.live for state in shard.tenants.values()),
            )
        )
        if shard.clock_offset is not None:
            self._tools.observer(ClockOffset(seconds=shard.clock_offset))
        return shard

    def _delay(self, failures: int) -> float:
        """Return the seconds until the next take-over, after so many in a row that failed or did not last."""
        bound = min(RETRY_LONGEST, RETRY_FIRST * 2.0 ** min(failures - 1, 8))
        return bound * (0.5 + 0.5 * self._tools.random())

    async def _serve(self, shard: Shard) -> ShardLost:
        """Run everything that works on the shard until it is lost; cancelled, give it up in good order."""
        crew = Crew(shard, standings=self._standings, make_source=self._make_source, tools=self._tools)
        self._crew = crew

        async def follow() -> None:
            async for tenants in self._roster.follow(self.number):
                crew.assign(tenants)

        work = [
            asyncio.create_task(guarded(each, name), name=name)
            for each, name in ((follow, f"tenants of shard {self.number}"), (crew.report, f"heartbeats {self.number}"))
        ]
        try:
            lost = await shard.lost()
            await end(work)
            await crew.end()
            await shard.kill()
        except asyncio.CancelledError:
            try:
                await end(work)
                await crew.end()
                await self._give_up(shard, crew)
            except BaseException:  # cancelled again: there is no time for good order any more
                await shard.kill()
                raise
            raise
        return lost

    async def _give_up(self, shard: Shard, crew: Crew) -> None:
        """Tell how far the stream is complete, finish what is queued and let go, within a deadline."""
        try:
            async with asyncio.timeout(CLOSE_WITHIN):
                await shard.drain()
                await crew.last_words()
                await shard.close()
        except (TimeoutError, ShardLost) as error:
            if not isinstance(error, ShardLost) or error.reason != "fenced":  # then its new owner was quicker
                _log.warning("a shard could not be given up in good order", shard=self.number, error=repr(error))
            await shard.kill()
        except Exception as error:  # noqa: BLE001 - raised, it would end the other shards and the process
            log_fault("a shard could not be given up in good order by a fault of ours", error, shard=self.number)
            await shard.kill()
