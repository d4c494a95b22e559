from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from streamer.polling.poller import TenantPoller
from streamer.polling.standing import Standing
from streamer.polling.tools import Tools
from streamer.signals import Signal
from streamer.store.shard import Shard
from tests.support.clock import LoopClock
from tests.support.memory import MemorySource, MemoryStore, tenant
from tests.support.pollers import poller_on

MakePoller = Callable[..., TenantPoller]


@pytest.fixture
def clock() -> LoopClock:
    """The clock of the event loop; tests that use it run in virtual time."""
    return LoopClock()


@pytest.fixture
def signals() -> list[Signal]:
    """All that was told."""
    return []


@pytest.fixture
def tools(clock: LoopClock, signals: list[Signal]) -> Tools:
    """What pollers share; the randomness of jitter is always one half."""
    return Tools(observer=signals.append, clock=clock, random=lambda: 0.5)


@pytest.fixture
def store(clock: LoopClock) -> MemoryStore:
    """An empty store of one shard."""
    return MemoryStore(clock=clock)


@pytest.fixture
def source(clock: LoopClock) -> MemorySource:
    """The vendor of tenant acme, who shows one agent `a` that is ready."""
    return MemorySource(clock=clock)


@pytest.fixture
async def shard(store: MemoryStore) -> Shard:
    """The shard, taken over by the test."""
    return await store.take_over(0, lambda: True)


@pytest.fixture
def make_poller(shard: Shard, source: MemorySource, tools: Tools) -> MakePoller:
    """`make_poller(interval=1000)` makes a poller on the shard: of acme, if no other source is given."""

    def make(other: MemorySource | None = None, standing: Standing | None = None, **keys: Any) -> TenantPoller:
        config, asked = tenant(**keys), other or source
        standing = standing or Standing(config, clock=tools.clock)
        asked.pace = standing.pace
        return poller_on(shard, config=config, source=asked, tools=tools, standing=standing)

    return make
