"""The narrow waist of every store: an engine that writes records all or not at all.

Safety comes from the engine alone: `commit` returns when the records are durable and visible, and raises
`ShardLost` whenever that is not certain. There is no "abort and carry on": after `ShardLost` the engine and the state
that was read for it are dropped together (invariant I2), and the shard is taken over again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol, TypeAlias, get_args

from msgspec import Struct

from streamer.events.record import Record

Reason: TypeAlias = Literal[
    "fenced",
    "timeout",
    "unreachable",
    "refused",
    "tainted",
    "hanging",
    "error",
    "not_ours",
    "killed",
    "closed",
]
"""Every reason for which a shard can be lost; the last three are our own doing."""

REASONS: Final[tuple[Reason, ...]] = get_args(Reason)


class ShardLost(Exception):
    """The shard must be taken over again, if it is still ours. `reason` is a word for a metric's label."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        """Take a `reason`, and a `detail` for the log."""
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason: Final = reason
        self.detail = detail


class ToldError(Exception):
    """An error of which a line of ours tells: what a library logs about it is a repetition."""


class StoreError(Exception):
    """The store can't be used as it is configured; the message says where, what, and what to do."""


class Committed(Struct, frozen=True):
    """A confirmed commit. `clock_offset` is our clock less the store's in seconds, None where it has no own clock."""

    clock_offset: float | None = None


class Engine(Protocol):
    """The one writer of one shard."""

    async def commit(self, records: Sequence[Record]) -> Committed:
        """Write all of `records` or none, in their order. Called by one task at a time.

        Raises:
            ShardLost: not confirmed within the engine's deadline, or not certain. Its cause is a StoreError where another
                take-over is of no use.

        """

    async def close(self) -> None:
        """Let go of the shard in good order. Never raises, never takes longer than a deadline."""

    async def kill(self) -> None:
        """Drop everything at once, whatever state it is in. Never raises, never takes longer than a deadline."""
