"""One tenant's poller: ask, compare, commit, and only then ask again.

It works on the shard that it was made for and dies with it, so an answer is never compared with a state that was
restored after its request was sent (I5), and a tenant never has two differences uncommitted (I4).
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from streamer.beside import beside
from streamer.config import TenantConfig
from streamer.diff.absence import AbsenceRules
from streamer.diff.plan import Plan, PollRules, plan_poll
from streamer.diff.state import TenantState, Watch
from streamer.events.definition import Health
from streamer.model import Snapshot
from streamer.polling.ledger import Ledger
from streamer.polling.operating import Operations
from streamer.polling.phase import Sighting
from streamer.polling.queues import QueuePoller
from streamer.polling.schedule import make_schedule
from streamer.polling.standing import Standing
from streamer.polling.timetable import make_timetable
from streamer.polling.tools import GRACE, Tools
from streamer.sources.errors import PollError
from streamer.sources.source import Source

CLOCK_OFFSET_LIMIT: Final = 2.0
"""Seconds between our clock and the store's beyond which our times are not to be trusted."""

SWEEP_EVERY: Final = 3600.0
"""Seconds between two looks for rows to be swept, if `forget_after` is not short."""


class TenantPoller:
    """Polls one tenant for as long as its shard is ours."""

    def __init__(
        self, *, config: TenantConfig, source: Source, ledger: Ledger, tools: Tools, standing: Standing
    ) -> None:
        """Take the tenant's config and source, its side of the shard that its state lies in, and what pollers share.

        `standing` holds the pace that the source's requests keep to.
        """
        self.config = config
        self.source = source
        self.ledger = ledger
        self.reporter = ledger.reporter
        self._tools = tools
        self._standing = standing
        self._operations = Operations(config=config, source=source, ledger=ledger)
        self._queues = QueuePoller(config=config, source=source, ledger=ledger, tools=tools, patience=standing.queues)
        self._asked = 0.0
        self._next_sweep = 0.0
        self._seen: Sighting | None = None

    @property
    def state(self) -> TenantState:
        """The tenant's committed state."""
        return self.ledger.state

    async def run(self) -> None:
        """Carry out the operator's keys, then poll for ever; return where the config says not to poll.

        Raises:
            ShardLost: the shard must be taken over again.

        """
        clock = self._tools.clock
        await self.ledger.settled()
        self.ledger.tell.started(self.state.complete_through)
        if not await self._operations.carry_out(now=clock.wall()):
            return
        tenant, interval, now = self.config.id, self.config.interval, clock.monotonic()
        first = self._tools.first_polls.turn(tenant, interval=interval / 1000, monotonic=now)
        schedule = make_schedule(tenant, first=first, interval=interval, monotonic=now, wall=clock.wall())
        timetable = make_timetable(schedule, cache=self.source.assumed_age_ms / 1000)
        if (wish := self._standing.wish) is not None and self.reporter.judge("failing", wish):
            await self.ledger.report()
        while True:
            wait = max(0.0, max(timetable.due, self._standing.not_before) - clock.monotonic())
            self.ledger.tell.planned(clock.wall() + round(wait * 1000))
            await asyncio.sleep(wait)
            delay = await self.poll()
            await self._sweep()
            timetable = timetable.after(clock.monotonic() + delay, self._seen)

    async def poll(self) -> float:
        """Poll once and commit what changed, agents first, then queues; return the seconds to wait beyond the schedule.

        Raises:
            ShardLost: it is not certain that the changes were committed.

        """
        began, self._seen = self._tools.clock.monotonic(), None
        try:
            snapshot = await self._ask()
            self._seen = self._sighting(snapshot)
            plan = await self._plan(snapshot)
        except PollError as error:
            return await self._failed(error, began)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the polling of a tenant
            self.ledger.tell.unexpected(error)
            unexpected = PollError("internal_error", f"{type(error).__name__} while polling")
            return await self._failed(unexpected, began)
        self.ledger.tell.polled(began)
        self.ledger.tell.unknown_fields(snapshot.unknown_fields)
        self._standing.succeeded()
        before = self.state.complete_through
        known = before if before is not None else self.state.watch.shown
        if known is not None:
            self.reporter.saw(snapshot.window.end - known)
        changed = self.reporter.judge(*self._verdict(plan))
        await self.ledger.commit(plan, report=changed or (before is None and plan.state.complete_through is not None))
        await self._queues.poll(deadline=self._asked + self.config.timeout / 1000)
        return 0.0

    async def _ask(self) -> Snapshot:
        self._refuse_to_go_back()
        await self._standing.pace.ready()  # before time begins to run and before others could need the place
        async with self._tools.budgets.request(self.config.account.host):
            self._asked = self._tools.clock.monotonic()
            try:
                # the source keeps to the timeout itself and knows more about it; this is for one that does not
                async with asyncio.timeout(self.config.timeout / 1000 + GRACE):
                    return await self.source.snapshot()
            except TimeoutError as error:
                message = f"no answer within {GRACE} s beyond the timeout of {self.config.timeout} ms"
                raise PollError("timeout", message) from error

    def _refuse_to_go_back(self) -> None:
        """Do not poll before the time that was reached already: a window from then would lie before what was promised.

        What was seen while our clock was off, and the watermark waited, promises nothing. It is forgotten once the
        clock is right again, as a new owner would.
        """
        now, state = self._tools.clock.wall(), self.state
        if (state.watch.shown or 0) - now > CLOCK_OFFSET_LIMIT * 1000 and (state.complete_through or 0) <= now:
            self.ledger.note(msgspec.structs.replace(state, watch=Watch()))
        behind = max(self.state.complete_through or 0, self.state.watch.shown or 0) - now
        if behind > 0:
            raise PollError("clock_behind", f"our clock is {behind} ms behind what was already told of this tenant")

    def _sighting(self, snapshot: Snapshot) -> Sighting | None:
        """Return what the snapshot tells of the vendor's cache; its window is in the wall clock, and starts earlier."""
        if snapshot.version is None:
            return None
        received = self._tools.clock.monotonic() - (self._tools.clock.wall() - snapshot.window.end) / 1000
        asked_for = snapshot.window.end - snapshot.window.start - self.source.assumed_age_ms
        return Sighting(version=snapshot.version, sent=received - asked_for / 1000, received=received)

    async def _plan(self, snapshot: Snapshot) -> Plan:
        def plan() -> Plan:
            return plan_poll(
                self.state,
                snapshot,
                vocabulary=self.source,
                rules=self._rules(),
                now=max(self._tools.clock.wall(), snapshot.window.end),
            )

        return await beside(plan, agents=len(snapshot.agents))

    def _rules(self) -> PollRules:
        absence = AbsenceRules(
            absent_after=self.config.absent_after,
            accept_shrink_until=self.config.accept_shrink_until,
            clock_is_off=self._clock_is_off(),
        )
        return PollRules(absence=absence, names=self.config.agent_names)

    def _clock_is_off(self) -> bool:
        return abs(self.ledger.clock_offset) > CLOCK_OFFSET_LIMIT

    def _verdict(self, plan: Plan) -> tuple[Health, str | None]:
        if self._clock_is_off():
            offset = self.ledger.clock_offset
            return "degraded", f"our clock is {offset:.1f} s off the broker's; the watermark waits. Check NTP"
        if plan.difference is not None and plan.difference.held is not None:
            return "degraded", "many agents vanished at once; accept_shrink_until accepts that before 10 minutes are up"
        if plan.refused:
            return "degraded", f"{len(plan.refused)} events were refused: {plan.refused[0]}"
        return "ok", None

    async def _failed(self, error: PollError, began: float) -> float:
        self.ledger.tell.polled(began, error)
        decision = self._standing.failed(error, random=self._tools.random)
        if decision.health is not None and self.reporter.judge(decision.health, str(error)):
            await self.ledger.report()
        return decision.delay

    async def _sweep(self) -> None:
        clock = self._tools.clock
        if clock.monotonic() >= self._next_sweep and not self._clock_is_off():
            self._next_sweep = clock.monotonic() + min(SWEEP_EVERY, max(1.0, self.config.forget_after / 10_000))
            await self._operations.sweep(now=clock.wall())
