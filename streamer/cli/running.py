"""Running a command's event loop until its work is done or somebody asks the process to end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Final

from streamer.cli.endings import FAILURE, FailureError, say

DRAIN_SECONDS: Final = 15.0
"""How long the work may take to end in good order; longer than a shard's last commit may take."""


def run_until_stopped(
    work: Callable[[], Coroutine[Any, Any, None]],
    *,
    endless: bool = True,
    make_loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> None:
    """Run `work` until it returns, or until SIGINT or SIGTERM cancels it, on asyncio's event loop or a given one.

    To be stopped is the good end of `endless` work. A second signal, or work that does not end within
    `DRAIN_SECONDS`, ends the process at once: what is not committed then is derived again by the next run.

    Raises:
        FailureError: it was stopped, and was not endless.
        Exception: whatever `work` raises.

    """
    with asyncio.Runner(loop_factory=make_loop) as runner:
        stopped = runner.run(_run(work))
    if stopped and not endless:
        raise FailureError("interrupted before it was done")


async def _run(work: Callable[[], Coroutine[Any, Any, None]]) -> bool:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _asked, stop)
    working = asyncio.create_task(work(), name="command")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
            await asyncio.wait({working}, timeout=DRAIN_SECONDS)
            if not working.done():
                _end_at_once(f"it did not end within {DRAIN_SECONDS:.0f} s")
    finally:
        stopping.cancel()
    if not working.cancelled():
        working.result()
    return stop.is_set()


def _asked(stop: asyncio.Event) -> None:
    if stop.is_set():
        _end_at_once("ended at once by a second signal")
    stop.set()


def _end_at_once(why: str) -> None:
    say(why)
    os._exit(FAILURE)
