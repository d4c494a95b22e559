"""A network between clients and a broker that loses, cuts and delays single Kafka requests on demand.

It understands the frames of Kafka's protocol (a length, then for a request: api key, version, correlation id) and
rewrites the port in the answers that tell clients where a broker is, so that they come back through the proxy.
"""

from __future__ import annotations

import asyncio
import struct
from collections import Counter, deque
from contextlib import suppress
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, NamedTuple, Self

from tests.support.ports import HOST, free_port

if TYPE_CHECKING:
    from types import TracebackType

_LENGTH = struct.Struct(">i")
_REQUEST = struct.Struct(">hhi")
_MOMENT = 0.3


class Api(IntEnum):
    """Requests that tests care about, by their key in Kafka's protocol."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    LEAVE_GROUP = 13
    SYNC_GROUP = 14
    INIT_PRODUCER_ID = 22
    ADD_PARTITIONS_TO_TXN = 24
    END_TXN = 26


class Fault(Enum):
    """What happens to a request."""

    LOSE_REQUEST = "the broker never gets it; the connection stays open and silent"
    LOSE_ANSWER = "the broker acts on it; the connection stays open and silent"
    CUT_BEFORE = "the connection ends instead"
    CUT_AFTER = "the broker acts on it, then the connection ends instead of the answer"
    LATE = "the broker gets it when `release` is called, however long the client has been gone by then"


class _Planned(NamedTuple):
    fault: Fault
    struck: asyncio.Event


class _Link(NamedTuple):
    """One client's connection and its counterpart at the broker."""

    from_client: asyncio.StreamReader
    to_client: asyncio.StreamWriter
    from_broker: asyncio.StreamReader
    to_broker: asyncio.StreamWriter
    asked: dict[int, tuple[int, _Planned | None]]


class KafkaProxy:
    """Stands before the one broker at `upstream` (`host:port`), on a port of its own."""

    def __init__(self, upstream: str) -> None:
        """Take the broker's address as clients know it."""
        self.seen: Counter[int] = Counter()
        self._broker_port = int(upstream.rpartition(":")[2])
        self._port = free_port()
        self._plan: dict[int, deque[_Planned]] = {}
        self._held: list[tuple[asyncio.StreamWriter, bytes]] = []
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"{HOST}:{self._port}"

    def inject(self, api: Api, fault: Fault) -> asyncio.Event:
        """Let `fault` happen to the next request of this kind that has none yet; the event is set when it does."""
        planned = _Planned(fault, asyncio.Event())
        self._plan.setdefault(api, deque()).append(planned)
        return planned.struck

    def forget(self) -> None:
        """Plan no more faults."""
        self._plan.clear()

    async def release(self) -> None:
        """Deliver what was held back (`LATE`), and give the broker a moment to act on it."""
        for writer, frame in self._held:
            writer.write(frame)
            await writer.drain()
        await asyncio.sleep(_MOMENT)
        self._let_go()

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, HOST, self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all connections."""
        assert self._server is not None
        self._server.close()
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)
        self._let_go()

    def _let_go(self) -> None:
        for writer, _ in self._held:
            writer.transport.abort()
        self._held.clear()

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        task.add_done_callback(self._links.discard)
        try:
            from_broker, to_broker = await asyncio.open_connection(HOST, self._broker_port)
        except OSError:
            to_client.transport.abort()
            return
        link = _Link(from_client, to_client, from_broker, to_broker, {})
        try:
            await self._run(link)
        finally:
            to_client.transport.abort()
            if all(writer is not to_broker for writer, _ in self._held):
                to_broker.transport.abort()

    async def _run(self, link: _Link) -> None:
        pumps = [asyncio.create_task(self._requests(link)), asyncio.create_task(self._answers(link))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _requests(self, link: _Link) -> None:
        with suppress(EOFError, OSError):
            while True:
                frame = await _frame(link.from_client)
                api, _, correlation = _REQUEST.unpack_from(frame, _LENGTH.size)
                self.seen[api] += 1
                waiting = self._plan.get(api)
                planned = waiting.popleft() if waiting else None
                if planned is not None:
                    planned.struck.set()
                    if planned.fault is Fault.CUT_BEFORE:
                        return
                    if planned.fault is Fault.LOSE_REQUEST:
                        continue
                link.asked[correlation] = (api, planned)
                if planned is not None and planned.fault is Fault.LATE:
                    self._held.append((link.to_broker, frame))
                    continue
                link.to_broker.write(frame)
                await link.to_broker.drain()

    async def _answers(self, link: _Link) -> None:
        with suppress(EOFError, OSError):
            while True:
                frame = await _frame(link.from_broker)
                (correlation,) = _LENGTH.unpack_from(frame, _LENGTH.size)
                api, planned = link.asked.pop(correlation)
                if planned is not None:
                    if planned.fault is Fault.CUT_AFTER:
                        return
                    continue
                if api in (Api.METADATA, Api.FIND_COORDINATOR):
                    frame = frame.replace(self._address(self._broker_port), self._address(self._port))
                link.to_client.write(frame)
                await link.to_client.drain()

    @staticmethod
    def _address(port: int) -> bytes:
        """Return how both answers write a broker's place: its host as text, then its port in four bytes."""
        return HOST.encode() + _LENGTH.pack(port)


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """Read one frame, its length included."""
    head = await reader.readexactly(_LENGTH.size)
    return head + await reader.readexactly(_LENGTH.unpack(head)[0])
