"""Ending what aiokafka began, within a limit: its own ways out wait for the broker, or forget what they opened."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Coroutine

_KEPT: Final[set[asyncio.Task[object]]] = set()
"""What may go on when nobody waits for it any more: asyncio itself would forget it."""


async def to_its_end(work: Coroutine[Any, Any, object]) -> None:
    """Wait for `work`, which goes on to its end also when whoever waits is cancelled; it must have limits of its own."""
    await asyncio.wait({_begun(work)})


async def within(seconds: float, work: Coroutine[Any, Any, object]) -> bool:
    """Tell whether `work` ended in time, whatever way; if not, it is cancelled and left to itself.

    It runs as a task of its own because aiokafka swallows a cancellation while it closes.
    """
    task = _begun(work)
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
        work = _begun(bootstrap())
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            work.add_done_callback(lambda _: _begun(client.close()))
            raise

    client.bootstrap = whole


def _begun(work: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
    task = asyncio.create_task(work)
    _KEPT.add(task)
    task.add_done_callback(_KEPT.discard)
    task.add_done_callback(_looked_at)
    return task


def _looked_at(done: asyncio.Future[Any]) -> None:
    """Take note of an error that nobody waits for any more."""
    if not done.cancelled():
        done.exception()
