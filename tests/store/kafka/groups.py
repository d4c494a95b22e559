"""Members of one consumer group in one process, and what each was told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

from streamer.clock import SystemClock
from streamer.signals import Signal
from streamer.store.kafka import Deadlines
from streamer.store.kafka.client import Clients
from streamer.store.kafka.membership import Membership
from tests.store.kafka.conftest import config_of

PARTITIONS: Final = 12

BRISK: Final = Deadlines(
    request=1.0,
    start=4.0,
    close=1.0,
    kill=1.0,
    session=1.5,
    heartbeat=0.1,
    grace=1.0,
    stuck=3.0,
    hopeless=5.0,
    metadata=1.0,
)
"""For tests in which sessions end. The test's broker allows it."""

WITHIN: Final = 60.0


class Replica:
    """One member. `story` holds what it told, and what it was given to own, in order; `ended` is its task."""

    def __init__(self, membership: Membership, story: list[Signal | frozenset[int]]) -> None:
        self.membership = membership
        self.story = story
        self.ended = asyncio.create_task(membership.run())
        self._following = asyncio.create_task(self._follow())

    @property
    def history(self) -> list[frozenset[int]]:
        """What it was given to own, in order."""
        return [each for each in self.story if isinstance(each, frozenset)]

    @property
    def signals(self) -> list[Signal]:
        """What it told, in order."""
        return [each for each in self.story if not isinstance(each, frozenset)]

    @property
    def owned(self) -> frozenset[int]:
        """What it owns now."""
        return self.history[-1] if self.history else frozenset()

    def seen(self, kind: type[Signal]) -> int:
        """Return how often it told something of a kind."""
        return sum(isinstance(signal, kind) for signal in self.signals)

    async def stop(self) -> None:
        """Stop in good order."""
        self.ended.cancel()
        self._following.cancel()
        await asyncio.wait({self.ended, self._following})

    async def _follow(self) -> None:
        async for shards in self.membership.changes():
            self.story.append(shards)


class Group:
    """The members of a group."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self._bootstrap = bootstrap
        self._prefix = prefix
        self.replicas: list[Replica] = []

    def join(self, node: str, *, bootstrap: str | None = None, deadlines: Deadlines | None = None) -> Replica:
        """Let one more join, by the broker's own address or another."""
        story: list[Signal | frozenset[int]] = []
        config = config_of(bootstrap or self._bootstrap, self._prefix, partitions=PARTITIONS)
        clients = Clients(config=config, deadlines=deadlines or Deadlines())
        membership = Membership(clients=clients, node=node, clock=SystemClock(), observer=story.append)
        self.replicas.append(Replica(membership, story))
        return self.replicas[-1]

    async def settled(self, *replicas: Replica) -> None:
        """Wait until these own all shards, each once, and evenly."""
        cap = -(-PARTITIONS // len(replicas))

        def shared() -> bool:
            owned = [shard for each in replicas for shard in each.owned]
            return sorted(owned) == list(range(PARTITIONS)) and all(len(each.owned) <= cap for each in replicas)

        await until(shared)

    async def members(self) -> int:
        """Return how many members the coordinator counts."""

        def ask() -> int:
            admin = AdminClient({"bootstrap.servers": self._bootstrap, "log_level": 0})
            (described,) = admin.describe_consumer_groups([f"{self._prefix}streamer"]).values()
            group = described.result(60)
            return 0 if group.state is ConsumerGroupState.DEAD else len(group.members)

        return await asyncio.to_thread(ask)

    async def stop(self) -> None:
        """Stop all."""
        await asyncio.gather(*(each.stop() for each in self.replicas))


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds.

    Raises:
        TimeoutError: it did not, for long.

    """
    async with asyncio.timeout(WITHIN):
        while not holds():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.02)
