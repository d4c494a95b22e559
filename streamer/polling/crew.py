"""Who works on one shard: a poller for each tenant with a config, and the reports of all tenants.

A crew lives and dies with the shard's restored state. Meanwhile tenants come, change and go: a changed one gets a new
poller once the old one has ended, so there are never two polls of a tenant at once, and the new one compares only
answers to its own requests (I5) once the old one's commit has ended (I4). All other pollers do not notice.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from streamer.config import TenantConfig
from streamer.events.record import Record
from streamer.model import Millis
from streamer.polling.guarded import end, guarded
from streamer.polling.ledger import Ledger
from streamer.polling.poller import TenantPoller
from streamer.polling.reporter import UNKNOWN_SOURCE, Reporter, ReportTerms
from streamer.polling.roster import Assignment
from streamer.polling.standing import Standing
from streamer.polling.telling import Teller, log_fault
from streamer.polling.tools import Tools
from streamer.signals import ShardLoad, UnconfiguredTenants
from streamer.sources.pace import Pace
from streamer.sources.source import Source
from streamer.store.shard import Shard, Update

MakeSource: TypeAlias = Callable[[TenantConfig, Pace], Source]

HEARTBEAT: Final[Millis] = 60_000
"""How often a tenant without config is reported."""


UNCONFIGURED: Final = "it has rows but no config; configure it, or forget it with forget: true"


class Crew:
    """Works on one shard: `assign` says on what, `report` and `last_words` tell how it goes, `end` ends all."""

    def __init__(self, shard: Shard, *, standings: dict[str, Standing], make_source: MakeSource, tools: Tools) -> None:
        """Take the shard; `standings`, by tenant, are the keeper's and outlive the crew."""
        self._shard = shard
        self._standings = standings
        self._make_source = make_source
        self._tools = tools
        self._assigned: dict[str, Assignment | None] = {}
        self._reporters: dict[str, Reporter] = {}
        self._working: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._unconfigured: set[str] = set()
        self._told_unconfigured = 0
        self._told_load: ShardLoad | None = None

    def assign(self, tenants: Mapping[str, Assignment]) -> None:
        """Take what is to be done from now on; who goes on with what it did is not touched."""
        left = {*self._shard.tenants, *self._standings, *self._assigned} - tenants.keys()
        wanted: dict[str, Assignment | None] = {**dict.fromkeys(left), **tenants}
        for tenant, assignment in wanted.items():
            if tenant not in self._assigned or self._assigned[tenant] != assignment:
                self._put(tenant, assignment)

    async def report(self) -> None:
        """Commit the records of all tenants whose heartbeat is due, together, for ever.

        Raises:
            ShardLost: the shard must be taken over again.

        """
        while True:
            self._tell_unconfigured()
            self._tell_load()
            await self._commit(lambda reporter: reporter.due())
            beat = min([HEARTBEAT, *(reporter.heartbeat for reporter in self._reporters.values())]) / 1000
            await asyncio.sleep(min(1.0, beat / 4))

    async def last_words(self) -> None:
        """Commit how far each stream is complete.

        Raises:
            ShardLost: it is not certain that it was committed.

        """
        await self._commit(lambda reporter: reporter.health is not None)

    async def end(self) -> None:
        """End all pollers and wait until they have ended."""
        await end(self._tasks)

    def gone(self) -> None:
        """Tell of each tenant that it is no longer looked after here."""
        for tenant in self._assigned:
            standing = self._standings.get(tenant)
            source = standing.source if standing else self._shard.state(tenant).source
            self._teller(tenant, source or UNKNOWN_SOURCE).gone()

    def _put(self, tenant: str, assignment: Assignment | None) -> None:
        """End what is done for a tenant, and have it followed by what is to be done now."""
        if before := self._working.pop(tenant, None):
            before.cancel()
        self._assigned[tenant] = assignment

        async def work() -> None:
            await (self._leave(tenant) if assignment is None else self._poll(assignment.config))

        async def work_in_turn() -> None:
            async with self._turns[tenant]:
                await guarded(work, tenant)

        task = asyncio.create_task(work_in_turn(), name=f"poll {tenant}")
        self._working[tenant] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _poll(self, config: TenantConfig) -> None:
        known = self._standings.get(config.id)
        if known and known.source != config.source:
            self._teller(config.id, known.source).gone()
            self._reporters.pop(config.id, None)
        standing = known.renewed(config) if known else Standing(config, clock=self._tools.clock)
        self._standings[config.id] = standing
        source = self._make_source(config, standing.pace)
        reporter = self._reporter(
            config.id,
            ReportTerms(
                source=source.name,
                heartbeat=config.heartbeat,
                interval=config.interval,
                assumed_age=source.assumed_age_ms,
            ),
        )
        self._unconfigured.discard(config.id)
        teller = self._teller(config.id, source.name)
        ledger = Ledger(tenant=config.id, shard=self._shard, reporter=reporter, teller=teller)
        await TenantPoller(config=config, source=source, ledger=ledger, tools=self._tools, standing=standing).run()

    async def _leave(self, tenant: str) -> None:
        """Report a tenant that has rows but no config, so that it is not silently gone; drop one that has none."""
        await self._shard.settled(tenant)  # its poller may have been ended while it committed
        state = self._shard.state(tenant)
        source = state.source or UNKNOWN_SOURCE
        if standing := self._standings.get(tenant):
            self._teller(tenant, source).gone()
            # a wish of the vendor's to be left alone is kept: a tenant that comes back is not to forget it
            if standing.wish is None and standing.queues.wish is None:
                del self._standings[tenant]
        if not state.rows and not state.queues and state.fault is None:
            self._reporters.pop(tenant, None)
            return
        self._unconfigured.add(tenant)
        reporter = self._reporter(tenant, ReportTerms(source=source, heartbeat=HEARTBEAT))
        if state.fault is not None:
            reporter.unusable(f"{state.fault}; the tenant has no config either")
        elif reporter.judge("unconfigured", UNCONFIGURED):
            reporter.due_now()

    def _reporter(self, tenant: str, terms: ReportTerms) -> Reporter:
        """Return who reports on a tenant: the one who did before, since what it has seen is still to be told."""
        reporter = self._reporters.get(tenant)
        if reporter is None:
            clock, observer = self._tools.clock, self._tools.observer
            reporter = Reporter(state=self._shard.state(tenant), terms=terms, clock=clock, observer=observer)
            self._reporters[tenant] = reporter
        else:
            reporter.renew(terms)
        return reporter

    def _teller(self, tenant: str, source: str) -> Teller:
        tools = self._tools
        return Teller(
            tenant=tenant, source=source, clock=tools.clock, observer=tools.observer, show_agents=tools.show_agents
        )

    def _tell_unconfigured(self) -> None:
        count = len(self._unconfigured)
        if count != self._told_unconfigured:
            self._told_unconfigured = count
            self._tools.observer(UnconfiguredTenants(shard=self._shard.number, count=count))

    def _tell_load(self) -> None:
        polled = sum(assignment is not None for assignment in self._assigned.values())
        agents = sum(state.live for state in self._shard.tenants.values())
        load = ShardLoad(shard=self._shard.number, tenants=polled, agents=agents)
        if load != self._told_load:
            self._told_load = load
            self._tools.observer(load)

    async def _commit(self, wanted: Callable[[Reporter], bool]) -> None:
        """Commit the records of the tenants that are `wanted`; one whose state is about to move has its turn after."""
        records = tuple(
            record
            for tenant, reporter in self._reporters.items()
            if wanted(reporter) and not self._shard.is_moving(tenant)
            if (record := self._record(tenant, reporter)) is not None
        )
        if records:
            await self._shard.commit(Update(records=records))

    def _record(self, tenant: str, reporter: Reporter) -> Record | None:
        """Return a tenant's record, None where a fault of ours is in the way: its silence must be nobody else's."""
        try:
            return reporter.record(self._shard.state(tenant))
        except Exception as error:  # noqa: BLE001 - whatever it is, the others' records are made
            log_fault("a tenant's record could not be made by a fault of ours", error, tenant=tenant)
            return None
