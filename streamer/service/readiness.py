"""Whether this process serves what it owns: the answer of `/readyz`. A vendor's outage is not asked about."""

from __future__ import annotations

from collections.abc import Mapping

from streamer.signals import GroupHeard, GroupSilent, ShardDropped, ShardTaken, Signal, TakeOverFailed


class Readiness:
    """Learns from the signals which shards are served. An instance is an `Observer`."""

    def __init__(self) -> None:
        """Start as not ready: the store was not reached yet."""
        self._store: str | None = "not reached yet"
        self._group: str | None = None
        self._owned: frozenset[int] = frozenset()
        self._unserved: dict[int, str] = {}

    @property
    def owned(self) -> frozenset[int]:
        """The shards that are ours, served or not."""
        return self._owned

    @property
    def unserved(self) -> Mapping[int, str]:
        """Our shards that are not served, and why."""
        return self._unserved

    def missing(self) -> Mapping[str, str]:
        """Return what is not served (`store`, `group`, `shard 3`) and why; empty when ready."""
        if self._store is not None:
            return {"store": self._store}
        group = {} if self._group is None else {"group": self._group}
        return group | {f"shard {number}": why for number, why in self._unserved.items()}

    def store_failed(self, why: str) -> None:
        """Take why the store can't be reached."""
        self._store = why

    def own(self, shards: frozenset[int]) -> None:
        """Take the shards that this process owns from now on; the store is reached."""
        self._store = None
        fresh = dict.fromkeys(shards - self._owned, "not taken over yet")
        self._unserved = {number: why for number, why in self._unserved.items() if number in shards} | fresh
        self._owned = shards

    def __call__(self, signal: Signal) -> None:
        """Take a signal."""
        match signal:
            case ShardTaken(shard=shard):
                self._unserved.pop(shard, None)
            case ShardDropped(shard=shard, reason=reason) | TakeOverFailed(shard=shard, reason=reason):
                if shard in self._owned:
                    self._unserved[shard] = reason
            case GroupSilent(reason=reason):
                self._store, self._group = None, reason  # the store is reached, or there would be no group
            case GroupHeard():
                self._group = None
            case _:
                pass
