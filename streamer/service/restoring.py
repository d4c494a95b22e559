"""How far all the shards together are that are being taken over."""

from __future__ import annotations

from streamer.signals import RestoreAdvanced, ShardDropped, ShardTaken, Signal, TakeOverFailed


class Restoring:
    """Learns it from the signals. Shards that are restored side by side count as one piece of work, until all are done."""

    def __init__(self) -> None:
        """Begin with none."""
        self._shards: dict[int, RestoreAdvanced] = {}
        self._taken: set[int] = set()

    def __call__(self, signal: Signal) -> bool:
        """Take a signal; tell whether it was about this."""
        match signal:
            case RestoreAdvanced(shard=shard):
                self._shards[shard] = signal
                self._taken.discard(shard)
            case ShardTaken(shard=shard) if shard in self._shards:
                self._taken.add(shard)
            case TakeOverFailed(shard=shard) | ShardDropped(shard=shard) if shard in self._shards:
                del self._shards[shard]
                self._taken.discard(shard)
            case _:
                return False
        if self.left == 0:
            self._shards.clear()
            self._taken.clear()
        return True

    @property
    def shards(self) -> int:
        """Of how many shards this is."""
        return len(self._shards)

    @property
    def left(self) -> int:
        """How many of them are not taken yet."""
        return len(self._shards) - len(self._taken)

    @property
    def done(self) -> int:
        """How many offsets of their tables are restored."""
        return sum(each.done for each in self._shards.values())

    @property
    def total(self) -> int | None:
        """How many there are; None where that is not known."""
        totals = [each.total for each in self._shards.values() if each.total is not None]
        return sum(totals) if len(totals) == len(self._shards) else None
