"""The clocks of tests in virtual time: both follow the event loop, so that `asyncio.sleep` is what moves them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from streamer.model import Millis
from tests.support.values import NOON


class LoopClock:
    """A `Clock` whose monotonic clock is the running loop's time; the wall clock shows `base` plus that time.

    Stepping the wall clock is what an operator, or NTP, does to it: the monotonic clock and the loop do not notice.
    """

    def __init__(self, base: Millis = NOON) -> None:
        """Take what the wall clock shows at the loop's time 0."""
        self._base = base
        self._loop: asyncio.AbstractEventLoop | None = None

    def wall(self) -> Millis:
        """Return the base plus the loop's time, in milliseconds since the Unix epoch."""
        return self._base + round(self.monotonic() * 1000)

    def monotonic(self) -> float:
        """Return the loop's time in seconds; a thread may ask too, once the loop has."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop.time()

    def step(self, by: Millis) -> None:
        """Set the wall clock forward, or back if negative."""
        self._base += by


@asynccontextmanager
async def running(*work: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run tasks while the body goes on; then cancel them, and raise what one of them failed with."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for each in ended:
        if isinstance(each, Exception):
            raise each


async def run_for(seconds: float, *work: Coroutine[Any, Any, None]) -> None:
    """Run tasks for so many seconds, then cancel them; raise what one of them failed with."""
    async with running(*work):
        await asyncio.sleep(seconds)
