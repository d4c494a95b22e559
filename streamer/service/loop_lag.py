"""How late the event loop runs a timer: the first sign that something blocks it or that the CPU is short."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from streamer.signals import LoopLag

if TYPE_CHECKING:
    from streamer.clock import Clock
    from streamer.signals import Observer

EVERY: Final = 1.0
"""Seconds between two measurements."""


async def measure_loop_lag(*, observer: Observer, clock: Clock, every: float = EVERY) -> None:
    """Tell the lag every `every` seconds, until cancelled."""
    while True:
        began = clock.monotonic()
        await asyncio.sleep(every)
        observer(LoopLag(seconds=max(0.0, clock.monotonic() - began - every)))
