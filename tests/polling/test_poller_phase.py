from __future__ import annotations

import asyncio

import pytest

from streamer.clock import Clock
from streamer.model import Millis, Snapshot, Window
from streamer.sources.errors import PollError
from tests.polling.conftest import MakePoller
from tests.support.clock import LoopClock, run_for
from tests.support.memory import MemorySource

pytestmark = pytest.mark.looptime

REFRESHED = 6.4
"""At this second of every ten the vendor's cache is refreshed."""


class CachedSource(MemorySource):
    """A vendor who shows what `agents` were at the last refresh, and says by the snapshot's version which it was."""

    assumed_age_ms: Millis = 10_000

    def __init__(self, *, clock: Clock, told: bool = True) -> None:
        super().__init__(clock=clock)
        self._told = told

    async def snapshot(self) -> Snapshot:
        """Answer from the cache."""
        refresh = (self._clock.monotonic() - REFRESHED) // 10
        shown = await super().snapshot()
        window = Window(shown.window.start - self.assumed_age_ms, shown.window.end)
        return Snapshot(
            tenant=shown.tenant, window=window, agents=shown.agents, version=refresh if self._told else None
        )


@pytest.fixture
def cached(clock: LoopClock) -> CachedSource:
    """A source that tells one refresh from the next."""
    return CachedSource(clock=clock)


async def test_a_cached_vendor_is_polled_just_after_its_refresh(make_poller: MakePoller, cached: CachedSource) -> None:
    """After some minutes each poll but the checks comes within half a second of the refresh."""
    await run_for(1800, make_poller(cached).run())
    late = [(at - REFRESHED) % 10 for at in cached.requests if at > 600]
    assert sum(each < 0.6 for each in late) >= len(late) - 5
    assert len(cached.requests) <= 181


async def test_a_clock_that_is_set_does_not_disturb_the_phase(
    make_poller: MakePoller, cached: CachedSource, clock: LoopClock
) -> None:
    """Windows are in the wall clock; what was learnt is in the monotonic one."""

    async def steps() -> None:
        while True:
            await asyncio.sleep(97)
            clock.step(4_000)

    await run_for(1800, make_poller(cached).run(), steps())
    late = [(at - REFRESHED) % 10 for at in cached.requests if at > 600]
    assert sum(each < 0.6 for each in late) >= len(late) - 5


async def test_failures_neither_teach_nor_unteach(make_poller: MakePoller, cached: CachedSource) -> None:
    """A vendor that is away for some minutes is polled just after its refresh once it is back."""
    poller = make_poller(cached)

    async def outage() -> None:
        await asyncio.sleep(900)
        cached.down = PollError("unreachable", "no")
        await asyncio.sleep(300)
        assert poller._seen is None
        cached.down = None
        await asyncio.sleep(3600)

    await run_for(1500, poller.run(), outage())
    late = [(at - REFRESHED) % 10 for at in cached.requests if at > 1300]
    assert sum(each < 0.6 for each in late) >= len(late) - 1


async def test_a_new_owner_begins_at_once(make_poller: MakePoller, cached: CachedSource) -> None:
    """What one owner has learnt dies with its poller; the next one does not wait for a phase that it can't know."""
    await run_for(600, make_poller(cached).run())
    learnt = len(cached.requests)
    await run_for(5, make_poller(cached).run())
    [begun] = cached.requests[learnt:]
    assert begun == pytest.approx(600, abs=0.001)


async def test_a_source_that_tells_no_version_keeps_its_phase(make_poller: MakePoller, clock: LoopClock) -> None:
    """As does one without a cache."""
    source = CachedSource(clock=clock, told=False)
    await run_for(1800, make_poller(source).run())
    assert len({round(at % 10, 3) for at in source.requests[1:]}) == 1
