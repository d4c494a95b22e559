"""Carrying out the operators' keys of a tenant's config: `forget`, `resync`, `forget_agents`, `paused`."""

from __future__ import annotations

from streamer.beside import beside
from streamer.config import TenantConfig
from streamer.diff.operators import forget, forget_agents, resync, sweep
from streamer.diff.plan import Plan
from streamer.diff.queues import erase_queues
from streamer.diff.state import FORGOTTEN
from streamer.model import Millis
from streamer.polling.ledger import Ledger
from streamer.sources.source import Source


class Operations:
    """What the operators of one tenant ask for."""

    def __init__(self, *, config: TenantConfig, source: Source, ledger: Ledger) -> None:
        """Take the tenant's config, its source, and where its state lies."""
        self._config = config
        self._source = source
        self._ledger = ledger

    async def carry_out(self, *, now: Millis) -> bool:
        """Do what the config asks of the tenant's rows; return whether the tenant is to be polled.

        Raises:
            ShardLost: it is not certain that it was done; it is done again after the next take-over.

        """
        if self._config.forget:
            await self._forget()
            return False
        if (fault := self._fault()) is not None:
            self._ledger.reporter.unusable(fault)
            return False
        await self._resync(now)
        await self._forget_agents()
        await self._drop_queues()
        if self._config.paused:
            if self._ledger.reporter.judge("paused", "paused: true in the config"):
                await self._ledger.report()
            return False
        return True

    async def sweep(self, *, now: Millis) -> None:
        """Erase the rows of agents that disappeared longer than `forget_after` ago.

        Raises:
            ShardLost: it is not certain that it was done.

        """
        erasure = sweep(self._ledger.state, before=now - self._config.forget_after)
        if erasure.erased:
            await self._ledger.commit(erasure.plan, report=True)
            self._ledger.tell.operated("forget_after", "done", erasure.erased)

    def _fault(self) -> str | None:
        """Return why the stored state can't be gone on with. Nothing is written then, so nothing of it is lost."""
        state, source = self._ledger.state, self._source.name
        if state.fault is not None:
            return f"{state.fault}; the tenant is not polled until that record is mended, or erased with forget: true"
        if state.source is not None and state.rows and state.source != source:
            return (
                f"its rows come from source {state.source}, the config says {source}: agents' ids would not match. "
                "Set the source back, give the tenant another id, or forget it first"
            )
        return None

    async def _forget(self) -> None:
        state, ledger = self._ledger.state, self._ledger
        stored = state.rows or state.sequence or state.complete_through is not None or state.fault is not None
        if state.rows or state.queues or (stored and state.health != FORGOTTEN):
            ledger.reporter.judge("forgotten", "forget: true in the config")
            erasure = forget(state)
            await ledger.commit(erasure.plan, report=True)
            ledger.tell.operated("forget", "done", erasure.erased)
        ledger.tell.gone()

    async def _resync(self, now: Millis) -> None:
        token, state = self._config.resync, self._ledger.state
        if token is None or state.was_resynced(token):
            return
        if not state.rows:  # nothing to repeat: the baseline says it all, and its record the token
            self._ledger.note(state.with_resync(token))
            return

        def repeat() -> Plan:
            names = self._config.agent_names
            return resync(state, token, vocabulary=self._source, names=names, now=now)

        plan = await beside(repeat, agents=state.live)
        await self._ledger.commit(plan, report=True)
        self._ledger.tell.operated("resync", "done", len(plan.published))

    async def _forget_agents(self) -> None:
        erasure = forget_agents(self._ledger.state, self._config.forget_agents)
        if erasure.erased:
            await self._ledger.commit(erasure.plan, report=True)
            self._ledger.tell.operated("forget_agents", "done", erasure.erased)
        if erasure.refused:
            self._ledger.tell.operated("forget_agents", "refused: still present", erasure.refused)

    async def _drop_queues(self) -> None:
        """Erase the rows of queues that are no longer asked for: nothing would ever put them right."""
        if self._source.queues is None and self._ledger.state.queues:
            await self._ledger.commit_queues(erase_queues(self._ledger.state))
