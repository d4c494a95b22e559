"""Our place in the consumer group: which shards are ours, as the group says.

The group decides who *tries*; the transactional id decides who *may* (see `takeover`). So nothing here has to be right
for the stream to be right: a wrong or late answer is a delay, or polls for nothing.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from typing import TYPE_CHECKING, Final

from aiokafka.errors import InconsistentGroupProtocolError, InvalidGroupIdError, InvalidSessionTimeoutError

from streamer.signals import GroupHeard, GroupSilent, ShardsPlaced
from streamer.store.engine import StoreError
from streamer.store.kafka.handshake import described
from streamer.store.kafka.member import Member
from streamer.store.kafka.permissions import lacking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from streamer.clock import Clock
    from streamer.signals import Observer
    from streamer.store.kafka.client import Clients

POD_NAME: Final = "POD_NAME"
"""The variable of the environment that names this node where names are stable, as a StatefulSet's pods have them."""

_LOOK: Final = 0.5
"""Seconds between two looks at what we are told nothing about: that time passes."""

_AGAIN: Final = 1.0
"""Seconds until a new member is begun after the last one failed."""

_ADVICE: Final = {
    InconsistentGroupProtocolError: "others are in it who place partitions otherwise; set kafka.group_id to another one",
    InvalidGroupIdError: "set kafka.group_id to another one",
    InvalidSessionTimeoutError: "the brokers' group.min.session.timeout.ms must be at most 6000",
}


def node_name(environment: Mapping[str, str] = os.environ) -> str:
    """Return what the group knows this process by: `POD_NAME`, else the host's name and something random.

    A node that comes back under the same name gets the same shards.
    """
    return environment.get(POD_NAME) or f"{socket.gethostname()}-{secrets.token_hex(3)}"


class Membership:
    """A `ShardMap`: a member of the group, replaced by a new one when it gets stuck.

    Who is not heard by the group any more (a session has passed since the last heartbeat that was answered) is not
    ready; who is not heard for longer than a `grace` has lost its shards, so they are let go.
    """

    def __init__(self, *, clients: Clients, node: str, clock: Clock, observer: Observer) -> None:
        self._clients = clients
        self._node = node
        self._clock = clock
        self._observer = observer
        self._ours: frozenset[int] | None = None
        self._moved = asyncio.Event()
        self._told: str | None = None

    async def run(self) -> None:
        """Be in the group until cancelled, then leave it; see `ShardMap.run`."""
        self._tell_silent("not joined yet")
        hopeful = self._clock.monotonic()
        while True:
            changed = asyncio.Event()
            member = Member(clients=self._clients, node=self._node, clock=self._clock, changed=changed.set)
            try:
                why = await self._take_part(member, changed)
                self._tell_silent(why)
                if self._ours is not None:
                    self._own(frozenset())
            finally:
                await member.stop()
            now = self._clock.monotonic()
            if member.rebalances or not member.lease.sound:
                hopeful = now
            elif now - hopeful > self._clients.deadlines.hopeless:
                group = self._clients.config.group_id
                raise StoreError(
                    f"consumer group {group} does not settle, for {now - hopeful:.0f} s: {why}; see "
                    f"kafka-consumer-groups --bootstrap-server {self._clients.servers} --describe --group {group} "
                    "--members --verbose"
                )
            await asyncio.sleep(_AGAIN)

    async def changes(self) -> AsyncIterator[frozenset[int]]:
        """Yield the set of our shards; see `ShardMap.changes`. For one reader."""
        told = None
        while True:
            await self._moved.wait()
            self._moved.clear()
            if self._ours is not None and self._ours != told:
                told = self._ours
                yield told

    async def _take_part(self, member: Member, changed: asyncio.Event) -> str:
        """Follow a member until it fails or is stuck; return why."""
        try:
            await member.start()
            rebalances = 0
            while not member.turning.done():
                changed.clear()
                silent = self._look(member, rebalances)
                rebalances = member.rebalances
                if silent > self._clients.deadlines.stuck:
                    return f"no settled group for {self._clients.deadlines.stuck:.0f} s; joining it anew"
                await _first(member.turning, changed, within=_LOOK)
            if member.turning.cancelled():  # not by us
                return "aiokafka ended its own work"
            await member.turning
        except StoreError:
            raise
        except Exception as error:
            if lack := lacking(error, self._clients.config, doing="Read"):
                raise lack from error
            if advice := _ADVICE.get(type(error)):
                group = self._clients.config.group_id
                raise StoreError(f"consumer group {group} can't be joined: {described(error)}; {advice}") from error
            return described(error)
        return "it ended by itself"

    def _look(self, member: Member, rebalances: int) -> float:
        """Tell what is ours now; return for how many seconds the group has not been settled."""
        now, lease = self._clock.monotonic(), member.lease
        if member.assigned is not None:
            kept = now < lease.until + self._clients.deadlines.grace
            before = self._ours or frozenset()
            self._own(member.assigned if kept else frozenset())
            if member.rebalances != rebalances:
                ours = member.assigned
                self._observer(ShardsPlaced(shards=ours, gained=ours - before, lost=before - ours))
            if now < lease.until:
                self._tell_silent(None)
            else:
                self._tell_silent(self._clients.connector.refusal or "not heard by the group any more")
        return now - lease.settled

    def _own(self, shards: frozenset[int]) -> None:
        if shards != self._ours:
            self._ours = shards
            self._moved.set()

    def _tell_silent(self, why: str | None) -> None:
        """Tell when the group falls silent, for each reason once, and when it is heard again."""
        if why != self._told:
            self._told = why
            self._observer(GroupHeard() if why is None else GroupSilent(reason=why))


async def _first(task: asyncio.Task[None], event: asyncio.Event, *, within: float) -> None:
    """Wait until the task has ended or the event is set, so many seconds at the most."""
    waiting = asyncio.create_task(event.wait())
    try:
        await asyncio.wait({task, waiting}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
