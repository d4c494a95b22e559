"""Both stores, opened through the product's own factory, for the tests that each of them must pass."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from streamer.clock import SystemClock
from streamer.config import Config, KafkaConfig, StoreConfig
from streamer.events.record import CLAIM_KEY, Stored, Topic
from streamer.store import Shard, Store, open_store
from tests.support.broker import VERSIONS
from tests.support.narrator import tenant_in

PARTITIONS = 3

Backend = Callable[[], Store]
"""Opens one more store on the same data, not started."""

TakeOver = Callable[[], Awaitable[Shard]]
"""Takes over the shard that the tests use, and kills what it gave when the test ends."""


@pytest.fixture(params=["sqlite", *(pytest.param(version, marks=pytest.mark.kafka) for version in VERSIONS)])
def backend(request: pytest.FixtureRequest, tmp_path: Path, topic_prefix: str) -> Backend:
    """Both stores, one after the other, and each version of Kafka."""
    if request.param == "sqlite":
        config = Config(store=StoreConfig("sqlite", tmp_path / "streamer.db"))
    else:
        servers = (request.getfixturevalue("shared_kafka")(request.param),)
        kafka = KafkaConfig(bootstrap_servers=servers, topic_prefix=topic_prefix, partitions=PARTITIONS)
        config = Config(store=StoreConfig("kafka"), kafka=kafka)
    return lambda: open_store(config, SystemClock())


@pytest.fixture
async def store(backend: Backend) -> AsyncIterator[Store]:
    """A started store."""
    opened = backend()
    await opened.start()
    yield opened
    await opened.stop()


@pytest.fixture
async def take_over(store: Store) -> AsyncIterator[TakeOver]:
    """Take over the last shard of the store, as often as one likes."""
    taken: list[Shard] = []

    async def take() -> Shard:
        taken.append(await store.take_over(store.shards - 1, lambda: True))
        return taken[-1]

    yield take
    for shard in taken:
        await shard.kill()


@pytest.fixture
def tenant(store: Store) -> str:
    """A tenant of the shard that `take_over` takes."""
    return tenant_in(store.shards - 1, store.shards)


async def seen(store: Store, topic: Topic) -> list[Stored]:
    """All that a reader sees now, but for the claims of take-overs, which say nothing."""
    return [each async for each in store.read(topic) if (each.key, each.value) != (CLAIM_KEY, None)]
