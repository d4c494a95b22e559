"""An event loop that stands still can tell nobody: a thread ends the process then, so that it is started again."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

SOFTWARE: Final = 70
"""The exit code: EX_SOFTWARE of sysexits.h."""

LIMIT: Final = 30
"""Ticks for which the loop may stand. The group has given our shards to others after six seconds."""


@contextmanager
def watching_loop(*, tick: float = 1.0, limit: int = LIMIT, end: Callable[[int], object] = os._exit) -> Iterator[None]:
    """While entered, `end` the process with `SOFTWARE` when the running loop does not come round for `limit` ticks.

    The thread counts its own ticks of so many seconds rather than ask a clock: a process that was frozen, or whose
    machine was, has ticked as little as its loop.
    """
    watch = _Watch(asyncio.get_running_loop(), tick=tick, limit=limit, end=end)
    thread = threading.Thread(target=watch.run, name="loop watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        watch.over.set()
        thread.join()


class _Watch:
    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, tick: float, limit: int, end: Callable[[int], object]
    ) -> None:
        self.over = threading.Event()
        self._loop = loop
        self._tick = tick
        self._limit = limit
        self._end = end
        self._missed = 0

    def run(self) -> None:
        while not self.over.wait(self._tick):
            self._missed += 1
            if self._missed > self._limit:
                sys.stderr.write(f"streamer: the event loop stands still for {self._limit * self._tick:.0f} s, here:\n")
                faulthandler.dump_traceback(sys.stderr)  # names of files and functions only
                sys.stderr.flush()
                self._end(SOFTWARE)
                return
            self._loop.call_soon_threadsafe(self._came_round)

    def _came_round(self) -> None:
        self._missed = 0
