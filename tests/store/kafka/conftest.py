"""Kafka stores for tests: on the shared broker, behind a proxy that loses requests, or on a broker to freeze."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import pytest

from streamer.clock import SystemClock
from streamer.config import KafkaConfig
from streamer.store import Shard, ShardLost
from streamer.store.kafka import Deadlines, KafkaStore
from streamer.store.kafka.client import Clients
from streamer.store.kafka.guard import GuardedProducer
from tests.support.kafka_proxy import KafkaProxy
from tests.support.narrator import tenant_in
from tests.support.readers import KafkaReader

if TYPE_CHECKING:
    from streamer.store.kafka.takeover import TakeOver

DAY: Final = 86_400_000
PARTITIONS: Final = 2
SHARD: Final = 1
TENANT: Final = tenant_in(SHARD, PARTITIONS)

PATIENT: Final = Deadlines()
IMPATIENT: Final = Deadlines(request=1.0, commit=3.0, transaction=4.0, start=4.0, silence=4.0, close=1.0, kill=1.0)
"""For tests in which deadlines pass."""

SLACK: Final = 10.0
"""Seconds by which a busy machine may be late. What hangs, hangs for longer."""

Owner = Callable[[KafkaStore], Awaitable[Shard]]


@pytest.fixture
def config(kafka: str, topic_prefix: str) -> KafkaConfig:
    """Topics of one test on the broker that all share."""
    return config_of(kafka, topic_prefix)


@pytest.fixture
def reader(kafka: str, topic_prefix: str) -> KafkaReader:
    """confluent-kafka on the test's topics, without a proxy in between."""
    return KafkaReader(kafka, topic_prefix)


@pytest.fixture
async def store(config: KafkaConfig) -> KafkaStore:
    """A started store."""
    opened = store_of(config)
    await opened.start()
    return opened


@pytest.fixture
async def proxy(kafka: str) -> AsyncIterator[KafkaProxy]:
    """A network that loses what it is told to."""
    async with KafkaProxy(kafka, later=2 * IMPATIENT.request) as running:
        yield running


@pytest.fixture
async def proxied(proxy: KafkaProxy, topic_prefix: str) -> KafkaStore:
    """A started store behind the proxy, with short deadlines."""
    opened = store_of(config_of(proxy.bootstrap, topic_prefix), IMPATIENT)
    await opened.start()
    return opened


@pytest.fixture
async def own() -> AsyncIterator[Owner]:
    """Take the tests' shard over and kill what came of it when the test ends."""
    shards: list[Shard] = []

    async def take(store: KafkaStore) -> Shard:
        shards.append(await taken(store.attempt(SHARD)))
        return shards[-1]

    yield take
    for shard in shards:
        await shard.kill()


def config_of(bootstrap: str, prefix: str, **more: Any) -> KafkaConfig:
    """Return a config with the tests' number of partitions."""
    return KafkaConfig(
        **{"bootstrap_servers": (bootstrap,), "topic_prefix": prefix, "partitions": PARTITIONS, **more},
    )


def store_of(config: KafkaConfig, deadlines: Deadlines = PATIENT) -> KafkaStore:
    """Return a store that is not started."""
    return KafkaStore(config=config, retention=7 * DAY, clock=SystemClock(), deadlines=deadlines)


async def taken(attempt: TakeOver, tries: int = 5) -> Shard:
    """Take over as the service does: again, when it is not possible now."""
    for _ in range(tries - 1):
        try:
            return await attempt.run(lambda: True)
        except ShardLost:
            await asyncio.sleep(0.2)
    return await attempt.run(lambda: True)


def aiokafka_of(shard: Shard) -> Any:
    """Return the aiokafka producer under a shard, for what the product never does with it."""
    return guard_of(shard)._producer


def guard_of(shard: Shard) -> GuardedProducer:
    """Return the guarded producer under a shard."""
    engine: Any = shard._engine
    guard: GuardedProducer = engine._producer
    return guard


async def nothing_left(before: Collection[asyncio.Task[Any]]) -> None:
    """Check that no other tasks are left than there were before; what is ending may take a moment."""

    def left() -> list[asyncio.Task[Any]]:
        others = asyncio.all_tasks().difference(before, {asyncio.current_task()})
        return [task for task in others if "KafkaProxy" not in repr(task)]

    with suppress(TimeoutError):
        async with asyncio.timeout(SLACK):
            while left():  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0.05)
    assert left() == []


class Ahead(SystemClock):
    """A host whose clock is 90 s ahead."""

    def wall(self) -> int:
        """Return a time to come."""
        return super().wall() + 90_000


@pytest.fixture
async def ended_connections() -> AsyncIterator[None]:
    """Let a test's connections end: with TLS that takes a while, which aiokafka does not wait for when it starts."""
    yield
    selector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
    async with asyncio.timeout(40):  # asyncio gives up after 30 s
        while len(selector.get_map()) > 1:  # noqa: ASYNC110 - nobody tells; the loop's own wake-up stays
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)


RawProducer = Callable[[str], AbstractAsyncContextManager[Any]]


@pytest.fixture
def raw_producer() -> RawProducer:
    """Open an aiokafka producer as its documentation says, for the traps; it is killed in the end."""

    @asynccontextmanager
    async def opened(bootstrap: str) -> AsyncIterator[Any]:
        clients = Clients(config=config_of(bootstrap, "trap-"), deadlines=IMPATIENT)
        producer = clients.producer(SHARD)
        try:
            async with asyncio.timeout(10):
                await producer.start()
            yield producer
        finally:
            await GuardedProducer(producer=producer, clock=SystemClock(), deadlines=IMPATIENT).kill()

    return opened
