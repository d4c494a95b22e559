"""Guards that can be taken away inside a replica: what each one is for must then be seen in the stream.

Nothing of this is in the product. `sitecustomize` calls one of these functions before the service begins, where the
campaign says so.
"""

# mypy: disable-error-code="method-assign, assignment"

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from streamer.events.record import ROWS, TENANTS
from streamer.polling.poller import TenantPoller
from streamer.store.kafka.guard import GuardedProducer
from streamer.store.kafka.producer import KafkaEngine
from streamer.store.kafka.reader import reading
from streamer.store.kafka.takeover import TakeOver
from streamer.store.restore import Restoration
from streamer.store.shard import Shard

UNCONFIRMED = frozenset({"timeout", "unreachable", "tainted", "error"})
"""Why a shard is lost whose last commit may have succeeded."""

SLOWLY = 1.0
"""Seconds that a read takes longer, as one of a million rows would."""


def futures_not_awaited() -> None:
    """Send and forget: aiokafka commits a transaction although a batch of it failed."""

    async def send(producer: Any, messages: Sequence[tuple[Any, ...]]) -> list[Any]:
        sent = []
        for topic, partition, key, value, headers in messages:
            future = await producer._producer.send(
                topic, value=value, key=key, partition=partition, headers=list(headers)
            )
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
            sent.append(future)
        done, _ = await asyncio.wait(sent)
        return [future.result() for future in done if future.exception() is None]

    GuardedProducer._send = send


def last_stable_offset_taken_as_the_end() -> None:
    """Read up to what a reader of committed records is told to be the end; an open transaction holds it back."""

    async def read(attempt: Any, _claims: Any) -> Any:
        return await _read_to_the_end(attempt)

    TakeOver.read = read


def state_read_before_fencing() -> None:
    """Read first, then become the one writer: the owner of before may commit in between."""

    async def run(attempt: Any, _still_ours: Any) -> Shard:
        restoration = await _read_to_the_end(attempt)
        await asyncio.sleep(SLOWLY)
        engine = KafkaEngine(shard=attempt._shard, clients=attempt._clients, clock=attempt._clock)
        try:
            await attempt.fence(engine)
            await attempt.claim(engine)
            tenants = await attempt.build(restoration)
        except BaseException:
            await engine.kill()
            raise
        return Shard(number=attempt._shard, tenants=tenants, engine=engine, clock=attempt._clock)

    TakeOver.run = run


def taint_guard_off() -> None:
    """Go on with a producer although a request of a transaction may still be under way."""
    GuardedProducer._suspect = lambda *_: None


def cache_kept_after_an_unconfirmed_commit() -> None:
    """Whether a commit was confirmed or not: go on with the state of before instead of reading it again."""
    kept: dict[int, Shard] = {}
    run, build = TakeOver.run, TakeOver.build

    async def keep(attempt: Any, still_ours: Any) -> Shard:
        shard = kept[attempt._shard] = await run(attempt, still_ours)
        return shard

    async def reuse(attempt: Any, restoration: Any) -> Any:
        before = kept.get(attempt._shard)
        unconfirmed = before and before._lost.done() and before._lost.result().reason in UNCONFIRMED
        return before.tenants if before and unconfirmed else await build(attempt, restoration)

    TakeOver.run, TakeOver.build = keep, reuse


def old_answer_compared() -> None:
    """An answer that was under way when the shard was lost is compared with the state after the next take-over."""
    kept: dict[str, asyncio.Future[Any]] = {}
    ask = TenantPoller._ask

    async def ask_or_remember(poller: TenantPoller) -> Any:
        tenant = poller.config.id
        answer = kept.pop(tenant, None) or asyncio.ensure_future(ask(poller))
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            kept[tenant] = answer
            raise

    TenantPoller._ask = ask_or_remember


GUARDS: Mapping[str, Callable[[], None]] = {
    guard.__name__: guard
    for guard in (
        futures_not_awaited,
        last_stable_offset_taken_as_the_end,
        state_read_before_fencing,
        taint_guard_off,
        cache_kept_after_an_unconfirmed_commit,
        old_answer_compared,
    )
}
"""By name."""


async def _read_to_the_end(attempt: Any) -> Restoration:
    clients = attempt._clients
    places = [clients.place(topic, attempt._shard) for topic in (ROWS, TENANTS)]
    restoration = Restoration(shard=attempt._shard, shards=clients.config.partitions)
    async with reading(clients, places) as reader:
        async for messages in reader.pieces_until(await reader.ends(places)):
            for message in messages:
                restoration.take(reader.stored(message))
    return restoration
