"""One tenant's side of its shard: the committed state, and committing a plan together with what is told of it."""

from __future__ import annotations

from streamer.diff.plan import Plan
from streamer.diff.queues import QueuePlan
from streamer.diff.state import TenantState
from streamer.events.record import Record
from streamer.polling.reporter import Reporter
from streamer.polling.telling import Teller
from streamer.store.shard import Shard, Update


class Ledger:
    """Where a tenant's poller reads and commits. Only that poller writes the tenant's state (I4)."""

    def __init__(self, *, tenant: str, shard: Shard, reporter: Reporter, teller: Teller) -> None:
        """Take the tenant's id, its shard, who makes its reports and who tells its signals."""
        self._tenant = tenant
        self.shard = shard
        self.reporter = reporter
        self.tell = teller

    @property
    def state(self) -> TenantState:
        """The tenant's committed state."""
        return self.shard.state(self._tenant)

    @property
    def clock_offset(self) -> float:
        """Our clock less the store's in seconds, as last seen; 0 where it is not known."""
        return self.shard.clock_offset or 0.0

    async def settled(self) -> None:
        """Wait until no update of the tenant is under way: a poller before may have been ended while one was."""
        await self.shard.settled(self._tenant)

    def note(self, state: TenantState) -> None:
        """Move the state without a transaction: nothing durable changed."""
        self.shard.note(state)

    async def commit(self, plan: Plan, *, report: bool) -> None:
        """Commit a plan's records, with a record of the tenant's status if wanted; the state moves when that is done.

        A plan that leads to no record costs no transaction.

        Raises:
            ShardLost: it is not certain that it was committed.

        """
        records = plan.records
        if report:
            records += (self.reporter.record(plan.state),)
        await self._move(records, plan.state)
        self.tell.committed(plan)

    async def commit_queues(self, plan: QueuePlan) -> None:
        """Commit what is to be written of the tenant's queues; see `commit`.

        Raises:
            ShardLost: it is not certain that it was committed.

        """
        await self._move(plan.records, plan.state)

    async def report(self) -> None:
        """Commit a record of the tenant's status as it stands.

        Raises:
            ShardLost: it is not certain that it was committed.

        """
        await self.shard.commit(Update(records=(self.reporter.record(self.state),)))

    async def _move(self, records: tuple[Record, ...], state: TenantState) -> None:
        if records:
            await self.shard.commit(Update(records=records, state=state))
        else:
            self.shard.note(state)
