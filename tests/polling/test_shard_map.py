from __future__ import annotations

import asyncio

import pytest

from streamer.polling.roster import tenants_by_shard
from streamer.store.shard_map import StaticShardMap
from tests.support.memory import tenant


@pytest.mark.looptime
async def test_a_static_map_tells_its_shards_once_and_then_nothing() -> None:
    """It waits for ever rather than end: an end would end the service."""
    changes = StaticShardMap([2, 0, 1]).changes()
    assert await anext(changes) == {0, 1, 2}
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3600):
            await anext(changes)


def test_tenants_lie_where_kafkas_partitioner_puts_their_ids() -> None:
    """A change would orphan every tenant; the hash itself is held to another client's elsewhere."""
    spread = tenants_by_shard([tenant("acme"), tenant("acmecorp01"), tenant("globex")], 32)
    assert {number: sorted(tenants) for number, tenants in spread.items()} == {
        4: ["acme", "acmecorp01"],
        31: ["globex"],
    }
    assert tenants_by_shard([tenant("acme")], 1)[0]["acme"].id == "acme"
