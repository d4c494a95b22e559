"""A network between clients and the brokers of a cluster that loses, cuts and delays Kafka requests on demand.

It understands the frames of Kafka's protocol (a length, then for a request: api key, version, correlation id) and
rewrites the ports in the answers that tell clients where the brokers are, so that they come back through the proxy.
Each client may have a proxy of its own: then its network alone can be cut. For synchronous code: `network`.
"""

from __future__ import annotations

import asyncio
import random
import struct
from collections import Counter, deque
from contextlib import suppress
from enum import Enum, IntEnum
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from tests.support.ports import HOST, free_ports

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_LENGTH = struct.Struct(">i")
_REQUEST = struct.Struct(">hhi")
_MOMENT = 0.3

LATER: Final = 8.0
"""Seconds after which what was delayed goes on: longer than the service waits for an answer."""


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
    DELAY = "the broker gets it, and all that follows on the connection, so late that nobody waits any more"
    LATE = "the broker gets it when `release` is called (in bad weather: by itself), however long the client is gone"


class Cut(Enum):
    """What happens to all connections of a proxy, until it is healed."""

    REFUSE = "connections end, and new ones are refused"
    SILENCE = "nothing comes through, either way; what was under way arrives after all when it is healed"
    DEAF = "brokers get and do what they are asked; no answer comes back until it is healed"


class Weather(NamedTuple):
    """Each request of one of `apis` meets one of `faults` with a probability of `chance`, as the seed has it."""

    apis: Sequence[Api]
    faults: Sequence[Fault]
    chance: float
    seed: int


class _Planned(NamedTuple):
    fault: Fault
    struck: asyncio.Event
    unasked: bool = False


class _Link(NamedTuple):
    """One client's connection and its counterpart at a broker."""

    from_client: asyncio.StreamReader
    to_client: asyncio.StreamWriter
    from_broker: asyncio.StreamReader
    to_broker: asyncio.StreamWriter
    asked: dict[int, tuple[int, _Planned | None]]


class KafkaProxy:
    """Stands before the brokers at `upstream` (`host:port,...`: all of them), on ports of its own.

    `seen` counts requests by their api, `struck` those that met a fault.
    """

    def __init__(self, upstream: str, *, later: float = LATER) -> None:
        """Take the brokers' addresses as clients know them, and for how many seconds `Fault.DELAY` delays."""
        self.seen: Counter[int] = Counter()
        self.struck: Counter[tuple[Api, Fault]] = Counter()
        brokers = [int(each.rpartition(":")[2]) for each in upstream.split(",")]
        self._brokers = dict(zip(free_ports(len(brokers)), brokers, strict=True))
        self._later = later
        self._plan: dict[int, deque[_Planned]] = {}
        self._weather: tuple[Weather, random.Random] | None = None
        self._held: list[tuple[asyncio.StreamWriter, bytes]] = []
        self._there, self._back = asyncio.Event(), asyncio.Event()
        self._servers: list[asyncio.Server] = []
        self._links: set[asyncio.Task[None]] = set()

    @property
    def bootstrap(self) -> str:
        """`host:port,...` for clients."""
        return ",".join(f"{HOST}:{port}" for port in self._brokers)

    def inject(self, api: Api, fault: Fault) -> asyncio.Event:
        """Let `fault` happen to the next request of this kind that has none yet; the event is set when it does."""
        planned = _Planned(fault, asyncio.Event())
        self._plan.setdefault(api, deque()).append(planned)
        return planned.struck

    def forget(self) -> None:
        """Plan no more faults."""
        self._plan.clear()

    def disturb(self, weather: Weather | None) -> None:
        """Let faults happen at random from now on; None ends it."""
        self._weather = None if weather is None else (weather, random.Random(weather.seed))

    async def release(self) -> None:
        """Deliver what was held back (`LATE`), and give the broker a moment to act on it."""
        await self._deliver(list(self._held))

    async def cut(self, how: Cut) -> None:
        """Cut all connections, until `heal`."""
        if how is not Cut.REFUSE:
            self._back.clear()
        if how is Cut.SILENCE:
            self._there.clear()
        if how is Cut.REFUSE:
            await self._close()

    async def heal(self) -> None:
        """End a cut; what was kept goes on."""
        self._there.set()
        self._back.set()
        if not self._servers:
            await self._open()

    async def __aenter__(self) -> Self:
        """Listen."""
        await self.heal()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all connections."""
        await self._close()

    async def _open(self) -> None:
        for port, broker in self._brokers.items():
            self._servers.append(await asyncio.start_server(partial(self._serve, broker), HOST, port))

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)
        self._let_go(list(self._held))

    async def _deliver(self, held: Sequence[tuple[asyncio.StreamWriter, bytes]]) -> None:
        with suppress(OSError):
            for writer, frame in held:
                writer.write(frame)
                await writer.drain()
        await asyncio.sleep(_MOMENT)
        self._let_go(held)

    async def _deliver_later(self, held: tuple[asyncio.StreamWriter, bytes]) -> None:
        await asyncio.sleep(self._later)
        await self._deliver([held])

    def _let_go(self, held: Sequence[tuple[asyncio.StreamWriter, bytes]]) -> None:
        for each in held:
            each[0].transport.abort()
            with suppress(ValueError):
                self._held.remove(each)

    async def _serve(self, broker: int, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self._keep(asyncio.current_task())
        try:
            from_broker, to_broker = await asyncio.open_connection(HOST, broker)
        except OSError:
            to_client.transport.abort()
            return
        link = _Link(from_client, to_client, from_broker, to_broker, {})
        try:
            with suppress(asyncio.CancelledError):  # by us, who close: asyncio's own callback would complain of it
                await self._run(link)
        finally:
            to_client.transport.abort()
            if all(writer is not to_broker for writer, _ in self._held):
                to_broker.transport.abort()

    def _keep(self, task: asyncio.Task[None] | None) -> None:
        assert task is not None
        self._links.add(task)
        task.add_done_callback(self._links.discard)

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
                await self._there.wait()
                api, _, correlation = _REQUEST.unpack_from(frame, _LENGTH.size)
                self.seen[api] += 1
                planned = self._planned(api)
                if planned is not None:
                    planned.struck.set()
                    self.struck[Api(api), planned.fault] += 1
                    if planned.fault is Fault.CUT_BEFORE:
                        return
                    if planned.fault is Fault.LOSE_REQUEST:
                        continue
                    if planned.fault is Fault.DELAY:
                        await asyncio.sleep(self._later)
                link.asked[correlation] = (api, planned)
                if planned is not None and planned.fault is Fault.LATE:
                    held = (link.to_broker, frame)
                    self._held.append(held)
                    if planned.unasked:
                        self._keep(asyncio.create_task(self._deliver_later(held)))
                    continue
                link.to_broker.write(frame)
                await link.to_broker.drain()

    async def _answers(self, link: _Link) -> None:
        with suppress(EOFError, OSError):
            while True:
                frame = await _frame(link.from_broker)
                await self._back.wait()
                (correlation,) = _LENGTH.unpack_from(frame, _LENGTH.size)
                api, planned = link.asked.pop(correlation)
                if planned is not None and planned.fault is not Fault.DELAY:
                    if planned.fault is Fault.CUT_AFTER:
                        return
                    continue
                if api in (Api.METADATA, Api.FIND_COORDINATOR):
                    for port, broker in self._brokers.items():
                        frame = frame.replace(_address(broker), _address(port))
                link.to_client.write(frame)
                await link.to_client.drain()

    def _planned(self, api: int) -> _Planned | None:
        """Return what shall happen to a request: what was asked for, else what the weather brings."""
        if waiting := self._plan.get(api):
            return waiting.popleft()
        if self._weather is not None:
            weather, dice = self._weather
            if api in weather.apis and dice.random() < weather.chance:
                return _Planned(dice.choice(weather.faults), asyncio.Event(), unasked=True)
        return None


def _address(port: int) -> bytes:
    """Return how both answers write a broker's place: its host as text, then its port in four bytes."""
    return HOST.encode() + _LENGTH.pack(port)


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """Read one frame, its length included."""
    head = await reader.readexactly(_LENGTH.size)
    return head + await reader.readexactly(_LENGTH.unpack(head)[0])
