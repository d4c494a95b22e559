"""One tenant's poller: ask, compare, commit, and only then ask again.

It works on the shard that it was made for and dies with it, so an answer is never compared with a state that was
restored after its request was sent (I5), and a tenant never has two differences uncommitted (I4).
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiolimiter import AsyncLimiter

from streamer.config import TenantConfig
from streamer.diff.absence import AbsenceRules
from streamer.diff.operators import sweep
from streamer.diff.plan import Plan, PollRules, plan_poll
from streamer.diff.state import TenantState
from streamer.events.definition import Health
from streamer.model import Millis, Snapshot
from streamer.polling import telling
from streamer.polling.backoff import Backoff
from streamer.polling.operating import carry_out
from streamer.polling.reporter import Reporter, ReportTerms
from streamer.polling.schedule import make_schedule
from streamer.polling.tools import Tools
from streamer.sources.errors import PollError
from streamer.sources.source import Source
from streamer.store.shard import Shard, Update

CLOCK_OFFSET_LIMIT: Final = 2.0
"""Seconds between our clock and the store's beyond which our times are not to be trusted."""

THREAD_FROM: Final = 2000
"""Snapshots of so many agents are compared in a thread, so that one large tenant does not hold up the others."""


class TenantPoller:
    """Polls one tenant for as long as its shard is ours."""

    def __init__(self, *, config: TenantConfig, source: Source, shard: Shard, tools: Tools) -> None:
        """Take the tenant's config and source, the shard that its state lies in, and what pollers share."""
        self.config = config
        self.source = source
        self.shard = shard
        self.tools = tools
        self.reporter = Reporter(
            state=shard.state(config.id),
            terms=ReportTerms(
                source=source.name,
                heartbeat=config.heartbeat,
                interval=config.interval,
                assumed_age=source.assumed_age_ms,
            ),
            clock=tools.clock,
            observer=tools.observer,
        )
        self._backoff = Backoff()
        self._limiter = AsyncLimiter(1, config.rate.interval / 1000) if config.rate else None
        self._next_sweep = 0.0

    @property
    def state(self) -> TenantState:
        """The tenant's committed state."""
        return self.shard.state(self.config.id)

    async def run(self) -> None:
        """Carry out the operator's keys, then poll for ever; return where the config says not to poll.

        Raises:
            ShardLost: the shard must be taken over again.

        """
        if not await carry_out(self):
            return
        clock = self.tools.clock
        schedule = make_schedule(
            self.config.id, interval=self.config.interval, monotonic=clock.monotonic(), wall=clock.wall()
        )
        due = schedule.first
        while True:
            await asyncio.sleep(max(0.0, due - clock.monotonic()))
            delay = await self.poll()
            await self._sweep()
            due = schedule.next_after(clock.monotonic() + delay)

    async def poll(self) -> float:
        """Poll once and commit what changed; return the seconds to wait beyond the schedule.

        Raises:
            ShardLost: it is not certain that the changes were committed.

        """
        began = self.tools.clock.monotonic()
        try:
            snapshot = await self._ask()
            plan = await self._plan(snapshot)
        except PollError as error:
            return await self._failed(error, began)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the polling of a tenant
            unexpected = PollError("internal_error", f"{type(error).__name__} while polling; please report it")
            telling.unexpected(self, error)
            return await self._failed(unexpected, began)
        telling.polled(self, "ok", began)
        self._backoff = Backoff()
        await self._commit(snapshot, plan)
        return 0.0

    async def _ask(self) -> Snapshot:
        behind = max(self.state.complete_through or 0, self.state.watch.shown or 0) - self.tools.clock.wall()
        if behind > 0:
            raise PollError(
                "clock_behind",
                f"our clock is {behind} ms behind what was already told of this tenant; check the clocks (NTP)",
            )
        if self._limiter is not None:
            await self._limiter.acquire()
        async with self.tools.budgets.request(self.config.account.host):
            try:
                async with asyncio.timeout(self.config.timeout / 1000):
                    return await self.source.snapshot()
            except TimeoutError as error:
                message = f"no complete answer within the timeout of {self.config.timeout} ms"
                raise PollError("timeout", message) from error

    async def _plan(self, snapshot: Snapshot) -> Plan:
        def plan() -> Plan:
            return plan_poll(
                self.state,
                snapshot,
                vocabulary=self.source,
                rules=self._rules(),
                now=max(self.tools.clock.wall(), snapshot.window.end),
            )

        return await asyncio.to_thread(plan) if len(snapshot.agents) >= THREAD_FROM else plan()

    def _rules(self) -> PollRules:
        absence = AbsenceRules(
            absent_after=self.config.absent_after, accept_shrink_until=self.config.accept_shrink_until
        )
        return PollRules(absence=absence, names=self.config.agent_names, hold_watermark=self._clock_is_off())

    def _clock_is_off(self) -> bool:
        return abs(self.shard.clock_offset or 0.0) > CLOCK_OFFSET_LIMIT

    async def _commit(self, snapshot: Snapshot, plan: Plan) -> None:
        before = self.state.complete_through
        if before is not None:
            self.reporter.saw(snapshot.window.end - before)
        records = plan.records
        if self.reporter.judge(*self._verdict(plan)) or before is None:
            records += (self.reporter.record(plan.state),)
        if records:
            await self.shard.commit(Update(records=records, state=plan.state))
        else:
            self.shard.note(plan.state)
        telling.committed(self, plan)

    def _verdict(self, plan: Plan) -> tuple[Health, str | None]:
        if self._clock_is_off():
            advice = f"our clock is {self.shard.clock_offset:.1f} s off the broker's; the watermark waits. Check NTP"
            return "degraded", advice
        if plan.difference is not None and plan.difference.held is not None:
            return "degraded", "many agents vanished at once; accept_shrink_until accepts that before 10 minutes are up"
        if plan.refused:
            return "degraded", f"{len(plan.refused)} events were refused: {plan.refused[0]}"
        return "ok", None

    async def _failed(self, error: PollError, began: float) -> float:
        telling.polled(self, error.outcome, began, str(error))
        self._backoff, decision = self._backoff.after(error, random=self.tools.random)
        if self.reporter.judge(decision.health, str(error)):
            await self.report()
        return decision.delay

    async def report(self) -> None:
        """Commit a record of the tenant's status now.

        Raises:
            ShardLost: it is not certain that it was committed.

        """
        await self.shard.commit(Update(records=(self.reporter.record(self.state),)))

    async def commit_operation(self, plan: Plan) -> None:
        """Commit what an operator asked for together with a record that says so.

        Raises:
            ShardLost: it is not certain that it was committed.

        """
        records = (*plan.records, self.reporter.record(plan.state))
        await self.shard.commit(Update(records=records, state=plan.state))
        telling.committed(self, plan)

    async def _sweep(self) -> None:
        clock = self.tools.clock
        if clock.monotonic() < self._next_sweep:
            return
        forget_after: Millis = self.config.forget_after
        self._next_sweep = clock.monotonic() + min(3600.0, max(1.0, forget_after / 10_000))
        erasure = sweep(self.state, before=clock.wall() - forget_after)
        if erasure.erased:
            await self.commit_operation(erasure.plan)
            telling.operated(self, "forget_after", "done", erasure.erased)
