"""Looking names up: what the system says, and a zone that does not answer harms nobody else."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from yarl import URL

from streamer.sources.errors import PollError
from streamer.sources.http import Http, Request
from streamer.sources.resolver import IN_ALL, PER_ZONE, Resolver, zone_of
from tests.sources.vendor import Vendor, answer

DEFAULT_THREADS = min(32, (os.cpu_count() or 1) + 4)


class DeadNames:
    """Lookups under `.dead.example` hang until `over` is set; `asked` names them in turn."""

    def __init__(self) -> None:
        """Let all names hang that are dead."""
        self.asked: list[str] = []
        self.over = threading.Event()
        self._system = socket.getaddrinfo

    def getaddrinfo(self, host: str, *rest: object, **more: object) -> object:
        """Stand in for the system's."""
        if not str(host).endswith(".example"):
            return self._system(host, *rest, **more)  # type: ignore[arg-type]
        self.asked.append(host)
        self.over.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


@pytest.fixture
def dead(monkeypatch: pytest.MonkeyPatch) -> Iterator[DeadNames]:
    """Names that nobody answers for."""
    names = DeadNames()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    yield names
    names.over.set()


async def until_asked(dead: DeadNames, number: int) -> None:
    async with asyncio.timeout(20):
        while len(dead.asked) < number:  # noqa: ASYNC110 - threads ask
            await asyncio.sleep(0.01)


async def test_a_zone_that_does_not_answer_keeps_no_other_work_waiting(
    http: Http, vendor: Vendor, dead: DeadNames
) -> None:
    """Its polls time out and their lookups hang on, while threads are free and another tenant's host is found."""
    vendor.respond = answer(b"[]")

    async def poll(host: str, *, within: float) -> bytes:
        url = URL(vendor.base_url).with_host(host)
        request = Request(url=url, headers={}, max_body=100)
        return (await http.fetch(request, deadline=time.monotonic() + within)).body

    hosts = [f"t{number}.dead.example" for number in range(DEFAULT_THREADS + PER_ZONE)]
    polls = asyncio.gather(*(poll(host, within=0.2) for host in hosts), return_exceptions=True)
    await until_asked(dead, PER_ZONE)
    assert {error.outcome for error in await polls if isinstance(error, PollError)} == {"timeout"}
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 20) == "free"
    assert await poll("localhost", within=20) == b"[]"
    assert len(dead.asked) == PER_ZONE


async def test_lookups_are_bounded_in_all_and_go_on_when_others_end(dead: DeadNames) -> None:
    """As many zones as one likes take no more threads than there may be; then the rest has its turn."""
    resolver = Resolver()
    number = IN_ALL + 10
    lookups = [asyncio.create_task(resolver.resolve(f"host.zone{each}.example")) for each in range(number // 2)]
    lookups += [asyncio.create_task(resolver.resolve(f"z{each}.example")) for each in range(number - number // 2)]
    await until_asked(dead, IN_ALL)
    await asyncio.sleep(0.05)
    assert len(dead.asked) == IN_ALL
    dead.over.set()
    ended = await asyncio.gather(*lookups, return_exceptions=True)
    assert {type(each) for each in ended} == {socket.gaierror}
    assert len(dead.asked) == number


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
async def test_addresses_are_those_of_the_system_in_its_order(host: str) -> None:
    """The hosts file, search domains and the order of IPv6 and IPv4 are as for any other program."""
    try:
        told = socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    except socket.gaierror:  # this machine has no such address
        with pytest.raises(socket.gaierror):
            await Resolver().resolve(host, 80)
        return
    found = await Resolver().resolve(host, 80)
    assert [(each["family"], each["host"], each["port"]) for each in found] == [
        (family, address[0], 80) for family, _, _, _, address in told
    ]


@pytest.mark.parametrize(
    ("host", "zone"),
    [
        ("vcc-eu3.8x8.com", "8x8.com"),
        ("api.tenant.vendor.example.", "vendor.example"),
        ("T1.Dead.Example", "dead.example"),
        ("localhost", "localhost"),
    ],
)
def test_names_of_one_owner_share_a_zone(host: str, zone: str) -> None:
    """Whichever of its names a tenant polls."""
    assert zone_of(host) == zone


async def test_a_client_that_is_closed_waits_for_no_lookup(dead: DeadNames) -> None:
    """What comes late finds nobody, and that is no error."""
    resolver = Resolver()
    lookup = asyncio.create_task(resolver.resolve("a.dead.example"))
    await until_asked(dead, 1)
    lookup.cancel()
    with pytest.raises(asyncio.CancelledError):
        await lookup
    dead.over.set()
    threads = [each for each in threading.enumerate() if each.name == "name lookup"]
    await asyncio.gather(*(asyncio.to_thread(each.join, 20) for each in threads))
    await asyncio.sleep(0)


EXITS = """
import asyncio, socket, threading, time
from yarl import URL
from streamer.clock import SystemClock
from streamer.sources.errors import PollError
from streamer.sources.http import Http, Request

socket.getaddrinfo = lambda *_, **__: threading.Event().wait()

async def main():
    async with Http(clock=SystemClock()) as http:
        try:
            request = Request(url=URL("http://a.dead.example/"), headers={}, max_body=1)
            await http.fetch(request, deadline=time.monotonic() + 0.1)
        except PollError as error:
            print(error.outcome)

asyncio.run(main())
"""


def test_a_process_ends_while_a_lookup_hangs() -> None:
    """The thread is left behind: it would have hung for ever."""
    ended = subprocess.run([sys.executable, "-c", EXITS], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "timeout\n", "")
