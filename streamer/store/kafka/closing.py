"""Ending what aiokafka began, within a limit: its own ways out wait for the broker, or forget what they opened."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Coroutine

_KEPT: Final[set[asyncio.Future[Any]]] = set()
"""What goes on without anybody who waits; asyncio itself would forget it."""


async def to_its_end(work: Coroutine[Any, Any, object]) -> None:
    """Wait for `work`, which goes on to its end also when whoever waits is cancelled; it must have limits of its own."""
    task = asyncio.ensure_future(work)
    _KEPT.add(task)
    task.add_done_callback(_KEPT.discard)
    task.add_done_callback(_looked_at)
    await asyncio.wait({task})


async def within(seconds: float, work: Coroutine[Any, Any, object]) -> bool:
    """Tell whether `work` ended in time, whatever way; if not, it is cancelled and left to itself.

    It runs as a task of its own because aiokafka swallows a cancellation while it closes.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(_looked_at)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        ended = task.done()
        task.cancel()
    return ended


def abort_connections(client: Any) -> None:
    """Drop an `AIOKafkaClient`'s connections now: an orderly close waits until all is sent, to a frozen peer for ever."""
    for connection in client._conns.values():  # noqa: SLF001
        writer = connection._writer  # noqa: SLF001
        if writer is not None:
            writer.transport.abort()


def let_bootstrap_end(client: Any) -> None:
    """Make an `AIOKafkaClient`'s `bootstrap` end by itself when its caller is cancelled, and close what it opened.

    Cancelled in the middle it would leave a connection open that nobody knows. Its requests have limits of their own.
    """
    bootstrap = client.bootstrap

    async def whole() -> None:
        work = asyncio.create_task(bootstrap(), name="kafka bootstrap")
        work.add_done_callback(_looked_at)
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            work.add_done_callback(lambda _: asyncio.ensure_future(client.close()))
            raise

    client.bootstrap = whole


def _looked_at(done: asyncio.Future[Any]) -> None:
    """Take note of an error that nobody waits for any more."""
    if not done.cancelled():
        done.exception()
