"""A tenant's `rate`: over all requests of its source, without bursts, and never beyond the time that a poll has."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiohttp import web

from streamer.config.values import parse_rate
from streamer.sources.errors import PollError
from streamer.sources.pace import Pace
from tests.sources.conftest import MakeSource
from tests.sources.contract import SourceCase
from tests.sources.vendor import Vendor, answer
from tests.support.clock import LoopClock

FOR_EVER = 1e9


class LaggingClock(LoopClock):
    """Goes ahead of the loop's time, as if the loop had been held up for so long."""

    def __init__(self) -> None:
        super().__init__()
        self._lag = 0.0

    def lag(self, seconds: float) -> None:
        """Hold the loop up."""
        self._lag = seconds

    def monotonic(self) -> float:
        """Return the loop's time and what was held up."""
        return super().monotonic() + self._lag


def pace_of(rate: str | None) -> Pace:
    return Pace(rate=None if rate is None else parse_rate(rate), clock=LoopClock())


async def turns(pace: Pace, count: int) -> list[float]:
    """Take turns one after the other; return the times at which they came."""
    times = []
    for _ in range(count):
        await pace.turn(place="GET /", deadline=FOR_EVER)
        times.append(asyncio.get_running_loop().time())
    return times


@pytest.mark.looptime
async def test_turns_are_evenly_spaced_and_none_are_saved_up() -> None:
    """After a long rest there is one turn at once, not many."""
    pace = pace_of("4/s")
    assert await turns(pace, 4) == pytest.approx([0, 0.25, 0.5, 0.75])
    await asyncio.sleep(100)
    assert await turns(pace, 3) == pytest.approx([100.75, 101, 101.25])


@pytest.mark.looptime
async def test_turns_that_are_asked_for_side_by_side_are_spaced_too() -> None:
    """A source may send some of its requests together."""
    pace = pace_of("2/s")
    times = await asyncio.gather(*(turns(pace, 2) for _ in range(3)))
    assert sorted(each for pair in times for each in pair) == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5])


@pytest.mark.looptime
async def test_after_a_turn_that_was_used_late_the_next_is_as_far_away() -> None:
    """A busy event loop wakes sleepers late: the spacing counts from what was sent, not from what was planned."""
    clock = LaggingClock()
    pace = Pace(rate=parse_rate("1/s"), clock=clock)
    await turns(pace, 1)
    asyncio.get_running_loop().call_later(0.5, clock.lag, 0.5)
    times = []
    for _ in range(2):
        await turns(pace, 1)
        times.append(clock.monotonic())
    assert times == pytest.approx([1.5, 2.5])


@pytest.mark.looptime
async def test_without_a_rate_nobody_waits() -> None:
    """Neither for a first nor for any other turn, whatever the time."""
    pace = pace_of(None)
    for _ in range(100):
        await pace.ready()
        await pace.turn(place="GET /", deadline=-1)
    assert asyncio.get_running_loop().time() == 0


@pytest.mark.looptime
async def test_to_be_ready_takes_no_turn() -> None:
    """A poll that then sends nothing, for its secret is gone say, has used nothing up."""
    pace = pace_of("1/m")
    await turns(pace, 1)
    await pace.ready()
    await pace.ready()
    assert asyncio.get_running_loop().time() == pytest.approx(60)
    assert await turns(pace, 1) == pytest.approx([60])


@pytest.mark.looptime
async def test_a_turn_that_comes_too_late_is_refused_at_once_and_not_used_up() -> None:
    """There is nothing to wait for; who has more time gets it."""
    pace = pace_of("1/s")
    await turns(pace, 1)
    with pytest.raises(PollError, match=r"GET /x: not sent; by the tenant's rate of 1/s .* 750 ms too late") as caught:
        await pace.turn(place="GET /x", deadline=0.25)
    assert caught.value.outcome == "timeout"
    assert asyncio.get_running_loop().time() == 0
    assert await turns(pace, 1) == pytest.approx([1])


async def test_every_request_of_a_source_keeps_the_tenants_rate(
    case: SourceCase, vendor: Vendor, source_of: MakeSource
) -> None:
    """Whatever a poll consists of: no request comes before its turn."""
    good, arrivals = answer(case.good), []

    async def respond(request: web.Request) -> web.StreamResponse:
        arrivals.append(time.monotonic())
        return await good(request)

    vendor.respond = respond
    source = source_of(rate="20/s")
    began = time.monotonic()
    for _ in range(4):
        await source.snapshot()
    assert len(arrivals) >= 4
    assert all(at - began >= number * 0.05 for number, at in enumerate(arrivals))


async def test_a_request_whose_turn_comes_too_late_is_not_sent(
    case: SourceCase, vendor: Vendor, source_of: MakeSource
) -> None:
    """The poll fails at once, and the error names the request, the rate and what to do."""
    vendor.respond = answer(case.good)
    source = source_of(rate="6/m", timeout=8000)
    await source.snapshot()
    began, sent = time.monotonic(), len(vendor.asked)
    with pytest.raises(PollError, match=r"by the tenant's rate of 6/m .* too late — raise rate") as caught:
        await source.snapshot()
    assert (caught.value.outcome, len(vendor.asked)) == ("timeout", sent)
    assert case.path.partition("?")[0] in str(caught.value)
    assert time.monotonic() - began < 5


async def test_tenants_do_not_wait_for_each_other(case: SourceCase, vendor: Vendor, source_of: MakeSource) -> None:
    """A rate is one tenant's: each states its own share of an account."""
    vendor.respond = answer(case.good)
    for name in ("one", "two", "three"):
        await source_of(id=name, rate="6/m").snapshot()
    assert len(vendor.asked) == 3


async def test_the_window_does_not_hold_the_wait(case: SourceCase, vendor: Vendor, source_of: MakeSource) -> None:
    """It begins when the request is sent, or else a rate would make every time less certain."""
    vendor.respond = answer(case.good)
    source = source_of(rate="2/s")
    await source.snapshot()
    began = time.time_ns() // 1_000_000
    window = (await source.snapshot()).window
    assert window.start + source.assumed_age_ms - began >= 300
