"""One consumer in the group, from its start to its end. It takes part for placement only: nothing is fetched.

This file reaches into aiokafka (0.14). `tests/store/kafka` shows on a real broker what it relies on.
"""

# ruff: noqa: SLF001

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiokafka import TopicPartition
from aiokafka.protocol.group import JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest

from streamer.events.record import ROWS, TOPICS
from streamer.store.engine import StoreError
from streamer.store.kafka.assignor import assignor
from streamer.store.kafka.closing import abort_connections, to_its_end, within
from streamer.store.kafka.lease import OF_GROUPS, Lease
from streamer.store.kafka.topics import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from streamer.clock import Clock
    from streamer.store.kafka.client import Clients

_TURN_MS: Final = 1000


class Member:
    """A member of the group: `assigned` are the shards that it was given last, None before the first time.

    `changed` is called, and must return at once, when shards were assigned (`rebalances` counts how often), and when
    the coordinator says that we are no longer in the group.
    """

    def __init__(self, *, clients: Clients, node: str, clock: Clock, changed: Callable[[], None]) -> None:
        self.assigned: frozenset[int] | None = None
        self.rebalances = 0
        self.lease = Lease(deadlines=clients.deadlines, now=clock.monotonic())
        self._clients = clients
        self._clock = clock
        self._changed = changed
        self._consumer = clients.member(assignor(node, self._on_assignment))
        self._client = self._consumer._client
        self._send_request, self._client.send = self._client.send, self._watched_send
        self._turning: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Reach the cluster and begin to join; the joining goes on in the background.

        Raises:
            Exception: aiokafka's own, or TimeoutError: Kafka can't be reached. Stop the member then.

        """
        async with asyncio.timeout(self._clients.deadlines.start):
            await self._consumer.start()
        self._consumer.subscribe([self._clients.name(ROWS)])
        self._turning = asyncio.create_task(self._turn(), name="group member")

    @property
    def turning(self) -> asyncio.Task[None]:
        """The task that hears what goes wrong in the background; it ends with an error only. Not to be cancelled.

        Errors: aiokafka's own, and StoreError if a topic has other partitions than the config says.
        """
        if self._turning is None:
            raise RuntimeError("start() comes first")
        return self._turning

    async def stop(self) -> None:
        """Leave the group at once if the coordinator answers, and end all that is left here. Never raises."""
        await to_its_end(self._stop())

    async def _stop(self) -> None:
        if not await within(self._clients.deadlines.leave, self._consumer.stop()):
            await within(self._clients.deadlines.leave, self._leave())
            self._cut()
            await within(self._clients.deadlines.kill, self._client.close())
        if self._turning is not None:  # it may wait for shards, which nobody will assign
            self._turning.cancel()
            await asyncio.wait({self._turning})

    async def _leave(self) -> None:
        """Leave in the middle of a rebalance, for whose end aiokafka waits first: else we would be dealt shards.

        By another connection than the one on which the answer to the join is waited for.
        """
        coordinator = self._consumer._coordinator
        if coordinator is not None and coordinator.coordinator_id is not None and coordinator.member_id:
            request = LeaveGroupRequest(coordinator.group_id, coordinator.member_id)
            await self._send_request(coordinator.coordinator_id, request)

    async def _turn(self) -> None:
        """Ask for records, of which there are none: that is where aiokafka tells its errors.

        A member that does not ask drops out of the group; a cancelled `getmany` would count as asking for ever.
        """
        while True:
            for topic in TOPICS:
                self._client.add_topic(self._clients.name(topic))
            await self._consumer.getmany(timeout_ms=_TURN_MS)
            self._check_partitions()

    def _check_partitions(self) -> None:
        for topic in TOPICS:
            found = self._client.cluster.partitions_for_topic(self._clients.name(topic))
            if found and (complaint := frozen(topic, len(found), clients=self._clients)):
                raise StoreError(complaint)

    def _on_assignment(self, places: Collection[tuple[str, int]]) -> None:
        """Take the shards of a rebalance.

        aiokafka's listener would come later, with the first requests under way. A position that is paused and known
        causes none: neither for records, nor for offsets.
        """
        for place in (TopicPartition(*each) for each in places):
            self._consumer.pause(place)
            self._consumer.seek(place, 0)
        ours = self._clients.name(ROWS)
        self.assigned = frozenset(number for topic, number in places if topic == ours)
        self.rebalances += 1
        self._changed()

    async def _watched_send(self, node: int, request: Any, **options: Any) -> Any:
        if isinstance(request, OF_GROUPS) and await self._client.ready(node, **options):
            # The answer to a join waits for all members. To wait as long for others would be to wait for a dead node.
            waits = isinstance(request, JoinGroupRequest | SyncGroupRequest)
            connection = self._client._conns[node, options["group"]]
            connection._request_timeout = self._clients.deadlines.join if waits else self._clients.deadlines.request
        asked = self._clock.monotonic()
        self.lease.asked(request, asked)
        answer = await self._send_request(node, request, **options)
        if isinstance(request, OF_GROUPS) and self.lease.heard(request, answer.error_code, asked=asked):
            self.assigned = None if self.assigned is None else frozenset()
            self._changed()
        return answer

    def _cut(self) -> None:
        """End aiokafka's tasks: its own way out waits for the coordinator's answer to whatever was asked last."""
        tasks: list[asyncio.Task[None] | None] = []
        if coordinator := self._consumer._coordinator:
            tasks += coordinator._coordination_task, coordinator._heartbeat_task, coordinator._commit_refresh_task
        if fetcher := self._consumer._fetcher:
            tasks += fetcher._fetch_task, *fetcher._pending_tasks
        for task in tasks:
            if task is not None:
                task.cancel()
        abort_connections(self._client)
