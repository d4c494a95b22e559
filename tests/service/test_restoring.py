from __future__ import annotations

import pytest

from streamer.service.restoring import Restoring
from streamer.signals import LoopLag, RestoreAdvanced, ShardDropped, ShardTaken, Signal, TakeOverFailed


def advanced(shard: int, done: int, total: int | None = 100) -> RestoreAdvanced:
    """Return the signal of a shard."""
    return RestoreAdvanced(shard=shard, done=done, total=total)


def taken(shard: int) -> ShardTaken:
    """Return the signal of its good end."""
    return ShardTaken(shard=shard, seconds=1.0, tenants=1, agents=1)


def after(*signals: Signal) -> tuple[int, int, int, int | None]:
    """Return the shards, how many of them are left, what is done and of how much."""
    work = Restoring()
    for signal in signals:
        work(signal)
    return work.shards, work.left, work.done, work.total


def test_shards_side_by_side_are_one_piece_of_work() -> None:
    """One that is taken still counts, so that the whole never shrinks."""
    assert after(advanced(0, 10), advanced(1, 0, 300), advanced(0, 100), taken(0)) == (2, 1, 100, 400)


def test_the_next_piece_of_work_begins_when_all_are_taken() -> None:
    """Nothing of the one before is left."""
    assert after(advanced(0, 100), taken(0)) == (0, 0, 0, 0)
    assert after(advanced(0, 100), taken(0), advanced(1, 7)) == (1, 1, 7, 100)


@pytest.mark.parametrize(
    "end",
    [TakeOverFailed(shard=1, reason="timeout", retry_in=1.0), ShardDropped(shard=1, reason="stopped")],
    ids=["failed", "dropped"],
)
def test_a_shard_that_cant_be_taken_is_no_part_of_it(end: Signal) -> None:
    """Until it is tried again."""
    assert after(advanced(0, 10), advanced(1, 50), end) == (1, 1, 10, 100)
    assert after(advanced(1, 50), end) == (0, 0, 0, 0)
    assert after(advanced(1, 50), end, advanced(1, 0)) == (1, 1, 0, 100)


def test_the_whole_is_unknown_where_a_part_is() -> None:
    """As of the embedded store."""
    assert after(advanced(0, 0, None)) == (1, 1, 0, None)


def test_only_what_is_about_it_is_news() -> None:
    """A shard that nobody restores may be dropped."""
    work = Restoring()
    assert not work(LoopLag(seconds=0.0))
    assert not work(ShardDropped(shard=3, reason="fenced"))
    assert work(advanced(3, 0))
    assert work(ShardDropped(shard=3, reason="fenced"))
