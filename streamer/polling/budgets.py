"""How many requests may be under way: to one vendor host, and in all."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

PER_HOST: Final = 16
IN_ALL: Final = 256


class Budgets:
    """The process's budgets of requests under way. One object for all tenants of a process."""

    def __init__(self, *, per_host: int = PER_HOST, in_all: int = IN_ALL) -> None:
        """Take the limits."""
        self._hosts: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(per_host))
        self._in_all = asyncio.Semaphore(in_all)

    @asynccontextmanager
    async def request(self, host: str) -> AsyncIterator[None]:
        """Wait for a place for one poll of `host` and hold it; a slow host keeps nobody else's place while it waits."""
        async with AsyncExitStack() as held:
            await held.enter_async_context(self._hosts[host])
            await held.enter_async_context(self._in_all)
            yield
