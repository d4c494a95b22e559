"""The network between replicas and the brokers for synchronous code: proxies that run in a thread of their own.

    with Network(cluster.bootstrap) as network:
        line = network.line()                       # one for each replica, whose `bootstrap_servers` are line.bootstrap
        line.cut(Cut.SILENCE); ...; line.heal()     # that replica alone can't reach the brokers
        line.disturb(Weather(apis=[Api.END_TXN], faults=list(Fault), chance=0.1, seed=1)); ...; line.calm()

A reader, and whoever else shall not be disturbed, uses the cluster's own addresses.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Final, Self, TypeVar

from tests.support.kafka_proxy import LATER, Api, Cut, Fault, KafkaProxy, Weather

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Coroutine
    from types import TracebackType

__all__ = ["Api", "Cut", "Fault", "Line", "Network", "Weather"]

T = TypeVar("T")

_WITHIN: Final = 60.0


class Line:
    """One replica's way to the brokers; made by `Network.line`."""

    def __init__(self, network: Network, proxy: KafkaProxy) -> None:
        """Take the thread that the proxy runs in."""
        self._network = network
        self._proxy = proxy

    @property
    def bootstrap(self) -> str:
        """`host:port,...` for the replica's config."""
        return self._proxy.bootstrap

    @property
    def seen(self) -> Counter[int]:
        """How many requests there were, by their api."""
        return self._proxy.seen

    @property
    def struck(self) -> Counter[tuple[Api, Fault]]:
        """How many requests met which fault."""
        return self._proxy.struck

    def cut(self, how: Cut) -> None:
        """Cut the line, until `heal`."""
        self._network.do(self._proxy.cut(how))

    def heal(self) -> None:
        """End a cut."""
        self._network.do(self._proxy.heal())

    def disturb(self, weather: Weather) -> None:
        """Let faults happen at random, until `calm`."""
        self._network.do(self._told(weather))

    def calm(self) -> None:
        """Let no more faults happen at random; what is held back still comes late."""
        self._network.do(self._told(None))

    def inject(self, api: Api, fault: Fault) -> None:
        """Let a fault happen to the next request of this kind; `struck` counts when it has."""
        self._network.do(self._planned(api, fault))

    def release(self) -> None:
        """Deliver what an injected `Fault.LATE` held back."""
        self._network.do(self._proxy.release())

    async def _told(self, weather: Weather | None) -> None:
        self._proxy.disturb(weather)

    async def _planned(self, api: Api, fault: Fault) -> None:
        self._proxy.inject(api, fault)


class Network:
    """Makes lines to one cluster; they are gone when it is left."""

    def __init__(self, upstream: str, *, later: float = LATER) -> None:
        """Take the brokers' addresses, and for how many seconds `Fault.DELAY` and `Fault.LATE` hold a request back."""
        self._upstream = upstream
        self._later = later
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._proxies: list[KafkaProxy] = []

    def line(self) -> Line:
        """Return a new line, which is open."""
        return Line(self, self.do(self._opened()))

    def do(self, work: Coroutine[object, object, T]) -> T:
        """Have the thread do something, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_WITHIN)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all lines and the thread."""
        for proxy in self._proxies:
            self.do(proxy.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WITHIN)
        self._loop.close()

    async def _opened(self) -> KafkaProxy:
        proxy = KafkaProxy(self._upstream, later=self._later)
        self._proxies.append(proxy)
        return await proxy.__aenter__()
