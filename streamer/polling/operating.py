"""Carrying out the operators' keys of a tenant's config: `forget`, `resync`, `forget_agents`, `paused`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from streamer.diff.operators import forget, forget_agents, resync
from streamer.diff.state import FORGOTTEN
from streamer.polling import telling
from streamer.signals import HealthChanged, TenantGone

if TYPE_CHECKING:
    from streamer.polling.poller import TenantPoller


async def carry_out(poller: TenantPoller) -> bool:
    """Do what the config asks of the tenant's rows; return whether it is to be polled.

    Raises:
        ShardLost: it is not certain that it was done; it is done again after the next take-over.

    """
    if poller.config.forget:
        await _forget(poller)
        return False
    if (fault := _fault(poller)) is not None:
        source = poller.source.name
        poller.tools.observer(
            HealthChanged(tenant=poller.config.id, source=source, before=None, health="failing", advice=fault)
        )
        return False
    await _resync(poller)
    await _forget_agents(poller)
    if poller.config.paused:
        if poller.reporter.judge("paused", "paused: true in the config"):
            await poller.report()
        return False
    return True


def _fault(poller: TenantPoller) -> str | None:
    """Return why the stored state can't be gone on with. Nothing is written then, so nothing of it is lost."""
    state = poller.state
    if state.fault is not None:
        return f"{state.fault}; the tenant is not polled until that record is mended, or erased with forget: true"
    if state.source is not None and state.rows and state.source != poller.source.name:
        return (
            f"its rows come from source {state.source}, the config says {poller.source.name}: agents' ids would not "
            "match. Set the source back, give the tenant another id, or forget it first"
        )
    return None


async def _forget(poller: TenantPoller) -> None:
    state = poller.state
    stored = state.rows or state.sequence or state.complete_through is not None or state.fault is not None
    if state.rows or (stored and state.health != FORGOTTEN):
        poller.reporter.judge("forgotten", "forget: true in the config")
        erasure = forget(state)
        await poller.commit_operation(erasure.plan)
        telling.operated(poller, "forget", "done", erasure.erased)
    poller.tools.observer(TenantGone(tenant=poller.config.id, source=poller.source.name))


async def _resync(poller: TenantPoller) -> None:
    token, state = poller.config.resync, poller.state
    if token is None or token == state.resync:
        return
    if not state.rows:  # nothing to repeat: the baseline says it all, and its record the token
        poller.shard.note(msgspec.structs.replace(state, resync=token))
        return
    plan = resync(
        state,
        token,
        vocabulary=poller.source,
        names=poller.config.agent_names,
        now=poller.tools.clock.wall(),
    )
    await poller.commit_operation(plan)
    telling.operated(poller, "resync", "done", len(plan.published))


async def _forget_agents(poller: TenantPoller) -> None:
    erasure = forget_agents(poller.state, poller.config.forget_agents)
    if erasure.erased:
        await poller.commit_operation(erasure.plan)
        telling.operated(poller, "forget_agents", "done", erasure.erased)
    if erasure.refused:
        telling.operated(poller, "forget_agents", "refused: still present", erasure.refused)
