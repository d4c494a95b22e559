"""One aiokafka producer that knows whether it can still be trusted, and that can be killed in any state.

This file reaches into aiokafka (0.14), which offers neither. `tests/store/kafka` shows on a real broker each behaviour
that it guards against, so a release that behaves otherwise is noticed.
"""

# ruff: noqa: SLF001

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import ProducerClosed
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
)
from msgspec import Struct

from streamer.model import Millis
from streamer.store.kafka.client import Ack
from streamer.store.kafka.closing import abort_connections, to_its_end, within

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamer.clock import Clock
    from streamer.events.record import Headers
    from streamer.store.kafka.deadlines import Deadlines

_OF_TRANSACTIONS: Final = (ProduceRequest, AddPartitionsToTxnRequest, AddOffsetsToTxnRequest, EndTxnRequest)


class Written(Struct, frozen=True):
    """Where each message was written, in their order, and between which moments of our clock."""

    sent: Millis
    acked: Millis
    acks: list[Ack]


class GuardedProducer:
    """A transactional producer under our deadlines, with a taint guard and a hard kill.

    `tainted` says which request of a transaction got no answer, or a late one: a stray copy of it may still arrive at
    the broker and end a *later* transaction (KAFKA-17754). aiokafka repeats such a request and reports success, so the
    commit may have succeeded; but nothing must be written with this producer again.
    """

    def __init__(self, *, producer: Any, clock: Clock, deadlines: Deadlines) -> None:
        self.tainted: str | None = None
        self._producer = producer
        self._client = producer.client
        self._clock = clock
        self._deadlines = deadlines
        self._closing: asyncio.Task[None] | None = None
        self._send_request, self._client.send = self._client.send, self._watched_send
        self._make_ready, self._client.ready = self._client.ready, self._ready_while_alive
        producer._txn_manager.error_transaction = self._refused

    async def start(self, topics: Iterable[str]) -> None:
        """Become the one writer: InitProducerId fences every earlier producer and ends its open transaction.

        Raises:
            Exception: aiokafka's own, or TimeoutError; kill the producer then.

        """
        async with asyncio.timeout(self._deadlines.start):
            await self._producer.start()
            # or aiokafka would keep asking for the metadata of all topics of the cluster
            await self._client.set_topics(list(topics))

    async def transact(
        self,
        messages: Sequence[tuple[str, int, bytes, bytes | None, Headers]],
        *,
        ending_in: Iterable[tuple[str, int]] = (),
    ) -> Written:
        """Write messages (topic, partition, key, value, headers) in one transaction.

        To the partitions `ending_in` nothing is written but the marker that ends it, as to all others.

        Every message's own answer is awaited before the transaction is ended: aiokafka commits a transaction although
        a batch of it failed. Its own `transaction()` is of no use: cancelled, it waits for an abort, for ever.

        Raises:
            Exception: aiokafka's own, or TimeoutError; kill the producer then, whatever it was.

        """
        async with asyncio.timeout(self._deadlines.commit_of(len(messages))):
            await self._producer.begin_transaction()
            for place in ending_in:
                self._producer._txn_manager.maybe_add_partition_to_txn(TopicPartition(*place))
            sent = self._clock.wall()
            acks = await self._send(messages)
            acked = self._clock.wall()
            await self._producer.commit_transaction()
        return Written(sent=sent, acked=acked, acks=acks)

    async def stop(self) -> None:
        """Close in good order; only for a producer without an open transaction. Never raises."""
        await to_its_end(self._stop())

    async def kill(self) -> None:
        """Drop everything at once: nothing is sent any more, and no task or connection stays behind. Never raises."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._cut(), name="kill producer")
        await asyncio.wait({self._closing}, timeout=self._deadlines.kill)

    async def _stop(self) -> None:
        if self._closing is None:
            await within(self._deadlines.close, self._producer.stop())
        await self.kill()

    async def _send(self, messages: Sequence[tuple[str, int, bytes, bytes | None, Headers]]) -> list[Ack]:
        waiting: list[asyncio.Future[Ack]] = []
        try:
            for topic, partition, key, value, headers in messages:
                waiting.append(
                    await self._producer.send(topic, value=value, key=key, partition=partition, headers=list(headers))
                )
            for future in waiting:
                if future.done():
                    future.result()  # raises what failed
            # of a large transaction most are answered by now: to gather those too would hold the event loop up
            await asyncio.gather(*(future for future in waiting if not future.done()))
            return [future.result() for future in waiting]
        except BaseException:
            for future in waiting:
                _forget(future)
            raise

    async def _cut(self) -> None:
        """Cut the connections and end the tasks.

        `stop` and `abort_transaction` wait for the broker to take the batches, for ever. Cancelling the sender alone
        is not enough either: it waits for its tasks, and they reconnect and repeat their requests until answered.
        """
        producer, client = self._producer, self._client
        producer._closed = True
        client.force_metadata_update = _done  # the task that would answer ends here
        batches = producer._message_accumulator
        batches.reenqueue = _nothing
        if producer._sender.sender_task is not None:
            producer._sender.sender_task.cancel()
        batches.fail_all(ProducerClosed())
        self._release_waiters()
        abort_connections(client)
        await within(self._deadlines.kill, client.close())
        if client._md_update_fut is not None and not client._md_update_fut.done():
            client._md_update_fut.set_result(False)

    def _refused(self, error: Exception) -> None:
        """Fail every batch: of a transaction that may not write to one topic aiokafka sends the rest outside of it."""
        self._producer._sender.sender_task.cancel()
        self._producer._message_accumulator.fail_all(error)
        self._producer._txn_manager.fatal_error(error)

    def _release_waiters(self) -> None:
        """Let nobody wait for the end of a transaction that nobody will end."""
        transactions = self._producer._txn_manager
        transactions.fatal_error = _nothing
        ended = transactions._transaction_waiter
        if ended is not None:
            if not ended.done():
                ended.set_exception(ProducerClosed())
            _forget(ended)
        for queue in self._producer._message_accumulator._batches.values():
            for batch in queue:
                _forget(batch._drain_waiter)

    async def _watched_send(self, node: int, request: Any, **options: Any) -> Any:
        began = self._clock.monotonic()
        try:
            answer = await self._send_request(node, request, **options)
        except BaseException as error:
            self._suspect(request, type(error).__name__)
            raise
        seconds = self._clock.monotonic() - began
        if seconds > self._deadlines.request:
            self._suspect(request, f"took {seconds:.1f} s")
        return answer

    async def _ready_while_alive(self, node: int, **options: Any) -> Any:
        if self._killed():
            raise asyncio.CancelledError
        ready = await self._make_ready(node, **options)
        if self._killed():  # while it connected
            abort_connections(self._client)
            raise asyncio.CancelledError
        return ready

    def _killed(self) -> bool:
        return self._closing is not None

    def _suspect(self, request: Any, what: str) -> None:
        if isinstance(request, _OF_TRANSACTIONS):
            self.tainted = f"{type(request).__name__}: {what}"


def _forget(future: asyncio.Future[Any]) -> None:
    """Give up on a future, so that nobody complains that its exception was never looked at."""
    if not future.cancel() and not future.cancelled():
        future.exception()


def _done() -> asyncio.Future[bool]:
    future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    future.set_result(False)
    return future


def _nothing(_what: object) -> None:
    """Do nothing."""
