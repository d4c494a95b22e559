"""Background tasks: a fault of ours in one ends neither it nor the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from streamer.polling.telling import log_fault
from streamer.store.engine import ShardLost

AGAIN_AFTER: Final = 1.0
"""Seconds after which work that failed by a fault of ours is begun again."""


async def guarded(work: Callable[[], Awaitable[None]], name: str) -> None:
    """Do some work on a shard until it is done or the shard is lost; a fault of ours is logged and it begins again."""
    while True:
        try:
            await work()
        except ShardLost:
            return  # the keeper knows, and ends everything that works on the shard
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            log_fault("a background task failed by a fault of ours; it is begun again", error, task=name)
            await asyncio.sleep(AGAIN_AFTER)
        else:
            return


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have ended."""
    waiting = list(tasks)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
