from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from streamer.polling.budgets import Budgets
from tests.support.clock import running

pytestmark = pytest.mark.looptime


class Hosts:
    """Requests of hosts that each take their time, and how many there were at a time."""

    def __init__(self, budgets: Budgets) -> None:
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.ended_at: dict[str, list[float]] = {}
        self._budgets = budgets

    async def request(self, host: str, seconds: float) -> None:
        """Make one request within the budgets."""
        async with self._budgets.request(host):
            self.now[host] += 1
            self.most[host] = max(self.most[host], self.now[host])
            self.most["all"] = max(self.most["all"], self.now.total())
            try:
                await asyncio.sleep(seconds)
            finally:
                self.now[host] -= 1
        self.ended_at.setdefault(host, []).append(asyncio.get_running_loop().time())


async def test_a_host_has_only_so_many_requests_at_a_time() -> None:
    """The others wait for their turn, and all have it."""
    hosts = Hosts(Budgets(per_host=3, in_all=100))
    await asyncio.gather(*(hosts.request("one", 1) for _ in range(7)))
    assert hosts.most["one"] == 3
    assert hosts.ended_at["one"] == pytest.approx([1, 1, 1, 2, 2, 2, 3])


async def test_all_hosts_together_have_only_so_many() -> None:
    """However many hosts there are."""
    hosts = Hosts(Budgets(per_host=3, in_all=5))
    await asyncio.gather(*(hosts.request(f"host {number}", 1) for number in range(12)))
    assert hosts.most["all"] == 5
    assert asyncio.get_running_loop().time() == pytest.approx(3)


async def test_a_slow_host_keeps_no_other_waiting() -> None:
    """Those who wait for a slow host hold no place of the budget that all share."""
    hosts = Hosts(Budgets(per_host=2, in_all=4))
    async with running(*(hosts.request("slow", 100) for _ in range(10))):
        await asyncio.sleep(0)
        await asyncio.gather(*(hosts.request("quick", 1) for _ in range(4)))
        assert hosts.ended_at["quick"] == pytest.approx([1, 1, 2, 2])


async def test_a_place_is_given_back_by_who_is_cancelled() -> None:
    """Neither holding nor waiting, a request that is given up leaves nothing behind."""
    budgets = Budgets(per_host=1, in_all=1)
    hosts = Hosts(budgets)
    async with running(hosts.request("one", 100), hosts.request("one", 100), hosts.request("two", 100)):
        await asyncio.sleep(1)
    await asyncio.gather(hosts.request("one", 1), hosts.request("two", 1))
    assert asyncio.get_running_loop().time() == pytest.approx(3)
