"""Which tenants are to be polled now, and what of them is new. Whoever keeps a shard follows its part of it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping

from msgspec import Struct

from streamer.config import TenantConfig
from streamer.events.record import partition_of


def tenants_by_shard(tenants: Iterable[TenantConfig], shards: int) -> dict[int, dict[str, TenantConfig]]:
    """Return the tenants of each shard by their ids: where Kafka's partitioner puts the tenant's id."""
    spread: defaultdict[int, dict[str, TenantConfig]] = defaultdict(dict)
    for tenant in tenants:
        spread[partition_of(tenant.id, shards)][tenant.id] = tenant
    return dict(spread)


class Assignment(Struct, frozen=True):
    """What a tenant's poller is made from. `edition` counts what shows in no config: its secrets were changed."""

    config: TenantConfig
    edition: int = 0


class Roster:
    """The tenants of a process's config as it is now."""

    def __init__(self, tenants: Iterable[TenantConfig], *, shards: int) -> None:
        """Take the first config's tenants and the number of shards, which never changes."""
        self._shards = shards
        self._editions: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._tenants = tenants_by_shard(tenants, shards)

    def replace(self, tenants: Iterable[TenantConfig], *, touched: Collection[str] = ()) -> None:
        """Take the tenants of a new config, and the ids of those whose secrets are others than before."""
        self._tenants = tenants_by_shard(tenants, self._shards)
        for tenant in touched:
            self._editions[tenant] = self._editions.get(tenant, 0) + 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    @property
    def tenants(self) -> Mapping[int, Mapping[str, TenantConfig]]:
        """All tenants of the config by their shards, ours or not, then by their ids."""
        return self._tenants

    def of(self, shard: int) -> Mapping[str, Assignment]:
        """Return what is to be done in a shard now, by tenant."""
        configs = self._tenants.get(shard, {})
        return {tenant: Assignment(config, self._editions.get(tenant, 0)) for tenant, config in configs.items()}

    async def follow(self, shard: int) -> AsyncIterator[Mapping[str, Assignment]]:
        """Yield what is to be done in a shard: at once, then after every change, of several the last."""
        while True:
            changed = self._changed
            yield self.of(shard)
            await changed.wait()
