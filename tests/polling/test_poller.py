from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from streamer.beside import THREAD_FROM
from streamer.clock import rfc3339
from streamer.polling.budgets import PER_HOST
from streamer.polling.poller import TenantPoller
from streamer.polling.tools import GRACE, Tools
from streamer.signals import AgentsCounted, PollFinished, Published, Signal, StateChanged, WatermarkMoved
from streamer.sources.errors import PollError
from streamer.store.engine import ShardLost
from tests.polling.conftest import MakePoller
from tests.support.clock import LoopClock, run_for, running
from tests.support.memory import MemorySource, MemoryStore, tenant
from tests.support.pollers import poller_on
from tests.support.values import NOON

pytestmark = pytest.mark.looptime


def outcomes(signals: list[Signal]) -> list[str]:
    """Return how the polls ended."""
    return [each.outcome for each in signals if isinstance(each, PollFinished)]


async def test_the_first_poll_publishes_the_baseline_and_a_record(
    make_poller: MakePoller, store: MemoryStore, signals: list[Signal]
) -> None:
    """Events, rows and the record of the tenant are one transaction."""
    await make_poller().poll()
    [commit] = store.commits
    assert [each.topic for each in commit] == ["agent-status-changed", "agent-status", "tenant-status"]
    assert [each["change"] for each in store.events()] == ["baseline"]
    [report] = store.reports()
    assert (report["health"], report["complete_through"], report["tenant_sequence"]) == ("ok", rfc3339(NOON), 1)
    assert AgentsCounted(tenant="acme", source="codes", by_state={"ready": 1}) in signals
    assert WatermarkMoved(tenant="acme", complete_through=NOON) in signals


async def test_a_poll_without_change_costs_no_transaction(make_poller: MakePoller, store: MemoryStore) -> None:
    """The watermark moves in memory, and is told with the next record."""
    poller = make_poller()
    await poller.poll()
    await asyncio.sleep(10)
    await poller.poll()
    assert len(store.commits) == 1
    assert poller.state.complete_through == NOON + 10_025


async def test_a_change_is_published_with_its_row_and_no_more(
    make_poller: MakePoller, store: MemoryStore, source: MemorySource, signals: list[Signal]
) -> None:
    """One event, one row; no record of the tenant is due."""
    poller = make_poller()
    await poller.poll()
    source.agents["a"] = 9
    await poller.poll()
    assert [each.topic for each in store.commits[1]] == ["agent-status-changed", "agent-status"]
    assert [(each["change"], each["sequence"], each["tenant_sequence"]) for each in store.events()] == [
        ("baseline", 1, 1),
        ("changed", 2, 2),
    ]
    published = [each for each in signals if isinstance(each, Published)]
    assert [each.changes for each in published] == [(StateChanged(None, "ready"),), (StateChanged("ready", "busy"),)]


@pytest.mark.parametrize("outcome", ["timeout", "auth_failed", "invalid_body", "incomplete"])
async def test_an_error_is_not_a_change(
    make_poller: MakePoller, store: MemoryStore, source: MemorySource, outcome: str
) -> None:
    """However often and however a poll fails, no event comes of it and the state stays."""
    poller = make_poller()
    await poller.poll()
    before = poller.state
    source.down = PollError(outcome, "no")  # type: ignore[arg-type]
    for _ in range(5):
        await poller.poll()
    assert poller.state is before
    assert len(store.events()) == 1
    source.down = None
    await poller.poll()
    assert len(store.events()) == 1


async def test_health_is_recorded_when_it_changes(
    make_poller: MakePoller, store: MemoryStore, source: MemorySource
) -> None:
    """Once when polls begin to fail, once when the tenant is parked, once when it is back."""
    poller = make_poller()
    await poller.poll()
    source.errors.extend([PollError("timeout", "no"), *[PollError("auth_failed", "no")] * 3])
    for _ in range(6):
        await poller.poll()
    assert [each["health"] for each in store.reports()] == ["ok", "failing", "auth_failed", "ok"]


async def test_the_watermark_waits_while_polls_fail(
    make_poller: MakePoller, store: MemoryStore, source: MemorySource
) -> None:
    """And the resolution of the record after it covers the whole gap."""
    poller = make_poller()
    await poller.poll()
    source.down = PollError("unreachable", "no")
    for _ in range(6):
        await asyncio.sleep(10)
        await poller.poll()
    assert store.reports()[-1]["complete_through"] == rfc3339(NOON)
    source.down = None
    await poller.poll()
    last = store.reports()[-1]
    start, end = poller.state.watch.shown, last["reported_at"]
    assert last["complete_through"] == rfc3339(start or 0)
    assert last["resolution_ms"] >= 60_000
    assert end == rfc3339(NOON + last["resolution_ms"])


async def test_recovery_resets_the_backoff(make_poller: MakePoller, source: MemorySource) -> None:
    """After a poll that succeeded a failure is the first again, and a refusal parks nobody."""
    poller = make_poller()
    source.errors.extend([PollError("timeout", "no")] * 4)
    delays = [await poller.poll() for _ in range(5)]
    assert delays == [1, 2, 4, 8, 0]
    source.errors.extend([PollError("auth_failed", "no")])
    assert [await poller.poll(), await poller.poll()] == [1, 0]
    source.errors.extend([PollError("auth_failed", "no")])
    assert await poller.poll() == 1


async def test_a_fault_of_ours_is_an_outcome_like_any_other(
    make_poller: MakePoller, store: MemoryStore, source: MemorySource, signals: list[Signal]
) -> None:
    """A bug in a source ends no poller, and its message, which may hold an agent's name, is told to nobody."""
    poller = make_poller(interval=1000, timeout=900)
    source.errors.extend([KeyError("Padma"), ValueError("Padma"), ExceptionGroup("Padma", [OSError("Padma")])])
    await run_for(30, poller.run())
    assert outcomes(signals)[:3] == ["internal_error"] * 3
    assert outcomes(signals)[-1] == "ok"
    assert len(store.events()) == 1
    assert "Padma" not in repr(signals)


async def test_an_answer_that_takes_too_long_is_given_up(
    make_poller: MakePoller, source: MemorySource, signals: list[Signal]
) -> None:
    """After the tenant's timeout the request is cancelled, and the next one starts from nothing."""
    source.seconds = 3600
    poller = make_poller(timeout=3000)
    await poller.poll()
    assert outcomes(signals) == ["timeout"]
    assert source.under_way == 0
    assert asyncio.get_running_loop().time() == pytest.approx(3 + GRACE, abs=0.1)


async def test_two_polls_of_a_tenant_are_never_under_way(
    make_poller: MakePoller, source: MemorySource, store: MemoryStore
) -> None:
    """Answers and commits that outlast the interval make polls rarer, not parallel: ticks are skipped (I4)."""
    source.seconds, store.seconds = 0.9, 0.7
    poller = make_poller(interval=1000, timeout=1000)

    async def busy() -> None:
        while True:
            source.agents["a"] = 13 - source.agents["a"]
            await asyncio.sleep(0.9)

    await run_for(60, poller.run(), busy())
    assert source.most_under_way == 1
    assert 25 <= len(source.requests) <= 45
    assert all(len({record.key for record in commit}) <= 2 for commit in store.commits)


async def test_polls_keep_a_fixed_rate(make_poller: MakePoller, source: MemorySource) -> None:
    """The time that a poll takes does not add up: an hour has its 360 polls."""
    await run_for(3600, make_poller().run())
    assert len(source.requests) in {359, 360, 361}
    phases = {round(at % 10, 3) for at in source.requests[1:]}
    assert len(phases) == 1


async def test_after_a_failure_the_next_poll_is_on_the_grid_again(
    make_poller: MakePoller, source: MemorySource
) -> None:
    """A delay only says which ticks are left out."""
    source.errors.extend([PollError("rate_limited", "no", 25)])
    await run_for(120, make_poller().run())
    phases = {round(at % 10, 3) for at in source.requests[1:]}
    assert len(phases) == 1
    assert source.requests[1] - source.requests[0] >= 25


async def test_a_tenant_is_not_polled_before_our_clock_has_passed_its_watermark(
    make_poller: MakePoller, source: MemorySource, clock: LoopClock, signals: list[Signal], store: MemoryStore
) -> None:
    """A new owner's clock may be behind; a window from then would lie before what was promised."""
    poller = make_poller()
    await asyncio.sleep(1)
    await poller.poll()
    clock.step(-60_000)
    await poller.poll()
    assert outcomes(signals) == ["ok", "clock_behind"]
    assert len(source.requests) == 1
    clock.step(60_000)
    source.agents["a"] = 9
    await poller.poll()
    assert outcomes(signals)[-1] == "ok"
    assert store.events()[-1]["occurred"]["earliest"] == store.reports()[0]["complete_through"]


async def test_a_clock_that_is_far_off_the_stores_holds_the_watermark(
    make_poller: MakePoller, store: MemoryStore, source: MemorySource
) -> None:
    """Beyond 2 s our times are not to be trusted: events go on, the promise waits, health says why."""
    poller = make_poller()
    await poller.poll()
    store.clock_offset = -2.5
    source.agents["a"] = 9
    await poller.poll()  # its commit shows the offset
    promised = poller.state.complete_through
    source.agents["a"] = 3
    await poller.poll()
    last = store.reports()[-1]
    assert (last["health"], last["complete_through"]) == ("degraded", rfc3339(promised or 0))
    assert [each["change"] for each in store.events()] == ["baseline", "changed", "changed"]
    store.clock_offset = 0.1
    source.agents["a"] = 4
    await poller.poll()
    await poller.poll()
    last = store.reports()[-1]
    assert last["health"] == "ok"
    assert last["complete_through"] > rfc3339(promised or 0)


async def test_a_clock_that_is_set_far_ahead_promises_nothing_and_set_right_again_polls_on(
    make_poller: MakePoller, store: MemoryStore, source: MemorySource, clock: LoopClock, signals: list[Signal]
) -> None:
    """Else the next owner, whose clock is right, would not poll until that time has come."""
    store.clock_offset = 0.0
    poller = make_poller()
    await poller.poll()
    promised = store.reports()[-1]["complete_through"]
    clock.step(3_600_000)
    store.clock_offset = 3600.0  # is known from the next commit on, and has to be before
    source.agents["a"] = 9
    await poller.poll()
    await poller.poll()
    last = store.reports()[-1]
    assert (last["health"], last["complete_through"]) == ("degraded", promised)
    assert rfc3339(poller.state.complete_through or 0) == promised
    clock.step(-3_600_000)
    store.clock_offset = 0.0
    await asyncio.sleep(1)
    source.agents["a"] = 3
    await poller.poll()
    await poller.poll()
    assert set(outcomes(signals)) == {"ok"}
    assert store.reports()[-1]["health"] == "ok"
    assert [each["change"] for each in store.events()] == ["baseline", "changed", "changed"]


async def test_a_first_owner_whose_clock_is_off_promises_nothing_at_all(
    store: MemoryStore, source: MemorySource, tools: Tools
) -> None:
    """The claim has shown it before the first poll. The watermark is told as soon as it can be."""
    store.clock_offset = 90.0
    config, shard = tenant(), await store.take_over(0, lambda: True)
    poller = poller_on(shard, config=config, source=source, tools=tools)
    await poller.poll()
    assert [each["complete_through"] for each in store.reports()] == [None]
    source.agents["a"] = 9
    await poller.poll()
    assert [each["complete_through"] for each in store.reports()] == [None]
    store.clock_offset = 0.0
    source.agents["a"] = 3
    await poller.poll()
    await poller.poll()
    assert poller.state.complete_through is not None
    assert store.reports()[-1]["complete_through"] == rfc3339(poller.state.complete_through)
    assert store.reports()[-1]["health"] == "ok"


async def test_a_mass_disappearance_is_told_as_degraded(
    make_poller: MakePoller, store: MemoryStore, source: MemorySource
) -> None:
    """Nobody has gone yet, and the watermark waits for what comes of it."""
    source.agents = {f"a{number}": 4 for number in range(20)}
    poller = make_poller()
    await poller.poll()
    source.agents = {}
    for _ in range(5):
        await asyncio.sleep(10)
        await poller.poll()
    last = store.reports()[-1]
    assert (last["health"], last["complete_through"], last["agents"]) == ("degraded", rfc3339(NOON), 20)
    assert {each["change"] for each in store.events()} == {"baseline"}


async def test_a_lost_shard_ends_its_pollers(make_poller: MakePoller, store: MemoryStore, source: MemorySource) -> None:
    """Nothing is compared with a state that may be old, and nothing is counted as told."""
    poller = make_poller()
    await poller.poll()
    before = poller.state
    source.agents["a"] = 9
    store.commit_errors.append(ShardLost("timeout", "no answer"))
    with pytest.raises(ShardLost, match="timeout"):
        await poller.run()
    assert poller.state is before
    assert len(store.events()) == 1


async def test_a_failing_tenant_delays_nobody(make_poller: MakePoller, source: MemorySource, clock: LoopClock) -> None:
    """While one tenant's vendor takes an hour to answer, another is polled at its own pace."""
    hanging = MemorySource(clock=clock, tenant_id="slow")
    hanging.seconds = 3600
    slow = make_poller(hanging, name="slow", interval=3_600_000, timeout=3_600_000)
    await run_for(60, slow.run(), make_poller(interval=1000, timeout=900).run())
    assert len(source.requests) in {59, 60, 61}


async def test_a_poll_waits_for_its_first_turn_before_its_time_begins_to_run(
    make_poller: MakePoller, source: MemorySource, signals: list[Signal]
) -> None:
    """However short the timeout is: what was sent before, by whoever, delays a poll and does not fail it."""
    source.timeout = 0.1
    poller = make_poller(rate="1/s", interval=1000, timeout=100)
    for _ in range(4):
        await poller.poll()
    assert source.requests == pytest.approx([0, 1, 2, 3])
    assert outcomes(signals) == ["ok"] * 4


async def test_the_rate_of_a_tenant_holds_for_all_its_requests(
    make_poller: MakePoller, source: MemorySource, signals: list[Signal]
) -> None:
    """Three pages a poll: the spacing is the same within a poll and from one to the next."""
    source.pages = 3
    poller = make_poller(rate="1/s", interval=3000, timeout=3000)
    for _ in range(3):
        await poller.poll()
    assert source.requests == pytest.approx(range(9))
    assert outcomes(signals) == ["ok"] * 3


async def test_a_poll_that_cannot_have_its_turns_in_time_fails_and_says_why(
    make_poller: MakePoller, source: MemorySource, signals: list[Signal], clock: LoopClock
) -> None:
    """At once, when it is certain, and its place among the requests under way is free again."""
    source.pages, source.timeout = 9, 1.5
    await make_poller(rate="1/s", interval=2000, timeout=1500).poll()
    assert source.requests == pytest.approx([0, 1])
    assert clock.monotonic() == pytest.approx(1.02)
    [told] = [each for each in signals if isinstance(each, PollFinished)]
    assert told.outcome == "timeout"
    assert "rate of 1/s its turn comes 500 ms too late" in (told.error or "")
    assert (told.advice or "").startswith("raise rate")


async def test_a_tenant_that_waits_for_its_first_turn_keeps_no_place(
    make_poller: MakePoller, source: MemorySource, tools: Tools
) -> None:
    """The budget of a host is for those who could ask."""
    poller = make_poller(rate="2/m", interval=30_000)
    await poller.poll()
    async with running(_poll(poller)):
        await asyncio.sleep(1)
        async with AsyncExitStack() as held, asyncio.timeout(1):
            for _ in range(PER_HOST):
                await held.enter_async_context(tools.budgets.request(poller.config.account.host))
    assert len(source.requests) == 1


async def _poll(poller: TenantPoller) -> None:
    await poller.poll()


async def test_a_large_tenant_is_compared_beside_the_event_loop(
    make_poller: MakePoller, store: MemoryStore, source: MemorySource
) -> None:
    """With the same result."""
    source.agents = {f"a{number}": 4 for number in range(THREAD_FROM)}
    await make_poller().poll()
    assert len(store.events()) == THREAD_FROM


async def test_agents_that_left_long_ago_are_swept_away(
    make_poller: MakePoller, store: MemoryStore, source: MemorySource
) -> None:
    """After `forget_after` the row of one that disappeared goes; one who comes back then has appeared, as number 1."""
    source.agents = {"a": 4, "b": 4}
    poller = make_poller(forget_after="1h", absent_after=1)
    async with running(poller.run()):
        await asyncio.sleep(60)
        del source.agents["b"]
        await asyncio.sleep(3500)
        assert set(store.rows()) == {b"acme|a", b"acme|b"}
        store.clock_offset = 2.5  # what is erased by the wrong time is gone; so it waits
        source.agents["a"] = 9
        await asyncio.sleep(500)
        assert set(store.rows()) == {b"acme|a", b"acme|b"}
        store.clock_offset = 0.0
        source.agents["a"] = 4
        await asyncio.sleep(500)
        assert set(store.rows()) == {b"acme|a"}
        source.agents["b"] = 3
        await asyncio.sleep(20)
    last = store.events()[-1]
    assert (last["change"], last["sequence"], last["tenant_sequence"]) == ("appeared", 1, 6)
