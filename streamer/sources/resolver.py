"""Finding addresses of vendors' hosts, in threads that nothing else waits for.

aiohttp looks names up in asyncio's default executor, and a lookup goes on when its poll has long timed out: a zone that
does not answer filled the executor, and decoding, config and logins at Kafka waited behind. The system's `getaddrinfo`
stays, rather than c-ares (`aiodns`): it alone goes by nsswitch and orders addresses as every other program in the pod.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from aiohttp.abc import AbstractResolver, ResolveResult

T = TypeVar("T")

IN_ALL: Final = 128
PER_ZONE: Final = 16
"""A zone that answers takes milliseconds for each name, so this is enough for thousands of names a second."""


class Resolver(AbstractResolver):
    """Each lookup has a thread of its own. They are few in all, and fewer of one zone, so a dead zone leaves others room.

    The threads are daemons: a process does not wait for an answer of the DNS before it exits.
    """

    def __init__(self) -> None:
        """Begin without any thread."""
        self._in_all = asyncio.Semaphore(IN_ALL)
        self._zones: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return a host's addresses, in the order in which they are to be tried.

        Raises:
            OSError: it has none, or nobody can say.
            UnicodeError: no host can have this name.

        """
        zone = self._zones.setdefault(zone_of(host), asyncio.Semaphore(PER_ZONE))
        async with zone, self._in_all:  # held until the thread is done: aiohttp cancels lookups only when it closes
            return await _in_daemon(lambda: _look_up(host, port, family))

    async def close(self) -> None:
        """Nothing is to be closed."""


def zone_of(host: str) -> str:
    """Return the last two labels of a host's name: whose names fail together, as far as a name can tell."""
    return ".".join(host.rstrip(".").lower().split(".")[-2:])


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    return [
        ResolveResult(
            hostname=host,
            host=socket.getnameinfo(address, numeric)[0],  # with the zone of a link-local address
            port=port,
            family=kind,
            proto=protocol,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for kind, _, protocol, _, address in found
    ]


async def _in_daemon(work: Callable[[], T]) -> T:
    """Do what blocks in a new daemon thread: those of an executor are joined when the interpreter exits."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():  # cancelled: the client was closed
            return
        if error is None:
            done.set_result(result)  # type: ignore[arg-type]
        else:
            done.set_exception(error)

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:  # noqa: BLE001 - it is raised where the result is waited for
            error = raised
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:  # the loop was closed meanwhile: nobody waits
            return

    threading.Thread(target=run, name="name lookup", daemon=True).start()
    return await done
