"""Doing beside the event loop what takes as long as a tenant has agents, so that one large tenant holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

THREAD_FROM: Final = 2000
"""What is made for so many agents, their events say, is made in a thread."""


async def beside(make: Callable[[], T], *, agents: int) -> T:
    """Return what `make`, a pure function, makes for so many agents: in a thread if they are many.

    Nobody waits for the thread when this is cancelled: what it makes then is dropped.
    """
    return await asyncio.to_thread(make) if agents >= THREAD_FROM else make()
