"""The one thread in which a connection is used: off the event loop, and one piece of work after the other."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


class WorkThread:
    """Runs what it is given in order. Work that has begun is never interrupted, and what comes after waits for it.

    That is what makes an abandoned commit harmless: whoever takes the shard over next reads after it has ended.
    """

    def __init__(self, *, name: str, deadline: float) -> None:
        """Take the thread's name and how many seconds `run` waits for a piece of work."""
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._deadline = deadline
        self._ended = False

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `work` returns, or raise what it raises.

        Raises:
            TimeoutError: not done within the deadline; it goes on if it had begun.
            RuntimeError: the thread was ended.

        """
        async with asyncio.timeout(self._deadline):
            return await asyncio.wrap_future(self._executor.submit(work, *args, **kwargs))

    async def end(self, last: Callable[[], None]) -> None:
        """Do `last` once all else is done, then end for good. Doesn't wait longer than the deadline; once is enough."""
        if self._ended:
            return
        self._ended = True
        try:
            with suppress(TimeoutError):
                await self.run(last)
        finally:
            self._executor.shutdown(wait=False)
