"""Asking for a tenant's queues: after its agents' changes are committed, so that nothing of this can hold them up."""

from __future__ import annotations

import asyncio

from streamer.config import TenantConfig
from streamer.diff.queues import QueuePlan, plan_queues
from streamer.polling.ledger import Ledger
from streamer.polling.standing import Patience
from streamer.polling.tools import GRACE, Tools
from streamer.sources.errors import PollError
from streamer.sources.source import QueueSource, Source


class QueuePoller:
    """Polls the queues of one tenant in what is left of a poll's time. What fails here is told, and no more."""

    def __init__(
        self, *, config: TenantConfig, source: Source, ledger: Ledger, tools: Tools, patience: Patience
    ) -> None:
        """Take the tenant's config and source, its side of the shard, what pollers share, and the vendor's patience."""
        self._config = config
        self._source = source
        self._ledger = ledger
        self._tools = tools
        self._patience = patience

    async def poll(self, *, deadline: float) -> None:
        """Ask for the queues, where the tenant wants them, by `deadline` (monotonic seconds); commit what moved.

        A request that failed is repeated ever more slowly, and a vendor's wish to wait is respected.

        Raises:
            ShardLost: it is not certain that the rows were committed.

        """
        queues, clock = self._source.queues, self._tools.clock
        if queues is None or clock.monotonic() < self._patience.not_before:
            return None
        try:
            plan = await self._ask(queues, deadline)
        except PollError as error:
            return self._failed(error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the polling of a tenant
            self._ledger.tell.unexpected(error)
            return self._failed(PollError("internal_error", f"{type(error).__name__} while polling queues"))
        self._patience.succeeded()
        await self._ledger.commit_queues(plan)
        self._ledger.tell.queues("ok", plan)
        return None

    async def _ask(self, queues: QueueSource, deadline: float) -> QueuePlan:
        clock, config = self._tools.clock, self._config
        try:
            # the source keeps to the deadline itself; this is for one that does not, and for a wait for a place
            async with (
                asyncio.timeout(max(0.0, deadline - clock.monotonic()) + GRACE),
                self._tools.budgets.request(config.account.host),
            ):
                snapshot = await queues.snapshot(deadline=deadline)
        except TimeoutError as error:
            raise PollError("timeout", f"no queues within {GRACE} s beyond the poll's timeout") from error
        self._ledger.tell.unknown_fields(snapshot.unknown_fields)
        return plan_queues(
            self._ledger.state,
            snapshot,
            source=self._source.name,
            absent_after=config.absent_after,
            now=max(clock.wall(), snapshot.window.end),
        )

    def _failed(self, error: PollError) -> None:
        self._patience.failed(error, random=self._tools.random)
        self._ledger.tell.queues(error.outcome, error=str(error))
