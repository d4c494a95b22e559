from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import pytest

from streamer.clock import rfc3339
from streamer.config import AgentStatus8x8
from streamer.events.definition import TenantStatus
from streamer.events.encode import tenant_record
from streamer.events.record import ROWS, TENANTS, Record
from streamer.model import Meaning
from streamer.polling import reporter
from streamer.polling.crew import Crew
from streamer.polling.keeper import CLOSE_WITHIN, RETRY_LONGEST, ShardKeeper
from streamer.polling.roster import Roster
from streamer.polling.tools import Tools
from streamer.signals import (
    Observer,
    ShardDropped,
    ShardTaken,
    Signal,
    TakeOverFailed,
    TenantGone,
    UnconfiguredTenants,
    nobody,
)
from streamer.store.engine import ShardLost, StoreError
from tests.support.clock import LoopClock, run_for, running
from tests.support.memory import MemorySource, MemoryStore, MemoryVendors, tenant

pytestmark = pytest.mark.looptime

MakeKeeper = Callable[..., ShardKeeper]


@pytest.fixture
def vendors(clock: LoopClock) -> MemoryVendors:
    return MemoryVendors(clock)


@pytest.fixture
def make_keeper(store: MemoryStore, vendors: MemoryVendors, tools: Tools) -> MakeKeeper:
    """`make_keeper(tenant("acme"))` makes the keeper of the only shard."""

    def make(*tenants: AgentStatus8x8) -> ShardKeeper:
        roster = Roster(tenants, shards=store.shards)
        return ShardKeeper(0, store=store, roster=roster, make_source=vendors.make, tools=tools)

    return make


def of(signals: list[Signal], *kinds: type) -> list[Any]:
    """Return the signals of some kinds."""
    return [each for each in signals if isinstance(each, kinds)]


async def test_a_shard_is_taken_over_and_its_tenants_are_polled(
    make_keeper: MakeKeeper, store: MemoryStore, signals: list[Signal]
) -> None:
    """All of them, soon."""
    await run_for(5, make_keeper(tenant("acme"), tenant("globex")).run())
    assert {each["tenant"] for each in store.events()} == {"acme", "globex"}
    assert of(signals, ShardTaken) == [ShardTaken(shard=0, seconds=0.0, tenants=0, agents=0)]


async def test_a_lost_shard_is_taken_over_again_with_a_fresh_state(
    make_keeper: MakeKeeper, store: MemoryStore, vendors: MemoryVendors, signals: list[Signal]
) -> None:
    """The old engine is killed before, and the chain goes on from what is in the store."""
    async with running(make_keeper(tenant()).run()):
        await asyncio.sleep(20)
        store.commit_errors.append(ShardLost("tainted", "EndTxn was sent twice"))
        vendors.agents["acme"]["a"] = 9
        await asyncio.sleep(40)
    assert store.history[:3] == ["taken", "killed", "taken"]
    assert [(each["change"], each["sequence"]) for each in store.events()] == [("baseline", 1), ("changed", 2)]
    assert [each.reason for each in of(signals, ShardDropped)] == ["tainted: EndTxn was sent twice", "stopped"]
    assert of(signals, TakeOverFailed) == []


async def test_the_rate_of_a_tenant_holds_across_a_take_over(
    make_keeper: MakeKeeper, store: MemoryStore, vendors: MemoryVendors
) -> None:
    """The vendor counts requests whoever makes them: the new poller and its source wait for the old one's turn."""
    store.commit_errors.append(ShardLost("timeout", "no answer"))
    async with running(make_keeper(tenant(interval=30_000, rate="2/m")).run()):
        await asyncio.sleep(60)
    before, after, *_ = vendors.made
    assert after.requests[0] - before.requests[-1] == pytest.approx(30)


async def test_a_row_of_an_unconfirmed_commit_is_seen_after_the_take_over(
    make_keeper: MakeKeeper, store: MemoryStore, vendors: MemoryVendors
) -> None:
    """Committed and yet called lost: the state that is read holds it, so nothing is told twice (I2)."""
    write = store.write

    def torn(records: list[Record]) -> None:
        write(records)
        store.write = write  # type: ignore[method-assign]
        raise ShardLost("timeout", "the answer was lost")

    async with running(make_keeper(tenant()).run()):
        await asyncio.sleep(20)
        store.write = torn  # type: ignore[method-assign, assignment]
        vendors.agents["acme"]["a"] = 9
        await asyncio.sleep(40)
    assert store.history.count("taken") == 2
    assert [(each["change"], each["sequence"]) for each in store.events()] == [("baseline", 1), ("changed", 2)]


async def test_old_pollers_have_ended_before_the_shard_is_taken_over_again(
    make_keeper: MakeKeeper, store: MemoryStore, vendors: MemoryVendors
) -> None:
    """No answer to a request of theirs is ever compared with the new state (I5)."""
    vendors.seconds = 4.9
    under_way: list[int] = []
    take_over = store.take_over

    async def watched(number: int, still_ours: Callable[[], bool], observer: Observer = nobody) -> Any:
        under_way.append(sum(each.under_way for each in vendors.made))
        return await take_over(number, still_ours, observer)

    store.take_over = watched  # type: ignore[method-assign]
    async with running(make_keeper(*(tenant(f"t{number}") for number in range(8))).run()):
        for _ in range(6):
            await asyncio.sleep(15)
            store.commit_errors.append(ShardLost("timeout"))
            for agents in vendors.agents.values():
                agents["a"] = 13 - agents["a"]
    assert len(under_way) > 3
    assert set(under_way) == {0}
    assert len(vendors.made) == 8 * len(under_way)


async def test_take_overs_that_fail_are_tried_ever_more_slowly(
    make_keeper: MakeKeeper, store: MemoryStore, signals: list[Signal]
) -> None:
    """Doubling up to half a minute, with jitter; then it works as if nothing had been."""
    store.take_over_errors.extend([ShardLost("timeout", "no answer")] * 8)
    await run_for(300, make_keeper(tenant()).run())
    gaps = [later - earlier for earlier, later in pairwise(store.taken_at)]
    assert gaps == pytest.approx([0.75 * bound for bound in (1, 2, 4, 8, 16, 30, 30, 30)])
    assert [each.retry_in for each in of(signals, TakeOverFailed)] == pytest.approx(gaps)
    assert {each.reason for each in of(signals, TakeOverFailed)} == {"timeout: no answer"}
    assert len(store.events()) == 1


async def test_a_shard_that_is_lost_again_and_again_is_taken_over_ever_more_slowly(
    make_keeper: MakeKeeper, store: MemoryStore
) -> None:
    """Each take-over reads the whole shard; one that was served for a while counts as a success."""
    store.commit_errors.extend([ShardLost("refused", "by the broker")] * 10)
    async with running(make_keeper(tenant()).run()):
        await asyncio.sleep(150)
        taken = len(store.taken_at)
        assert 5 < taken < 12
        assert store.taken_at[-1] - store.taken_at[-2] > RETRY_LONGEST / 2
        await asyncio.sleep(150)
        assert len(store.events()) == 1
        taken = len(store.taken_at)
        store.commit_errors.append(ShardLost("timeout"))
        await asyncio.sleep(62)
        assert len(store.taken_at) == taken + 1
        assert store.history[-2:] == ["killed", "taken"]


async def test_a_keeper_that_is_cancelled_again_while_it_gives_its_shard_up_leaves_no_engine_behind(
    make_keeper: MakeKeeper, store: MemoryStore
) -> None:
    """A shard is taken away and the process is stopped meanwhile: there is no time for good order any more."""
    keeper = asyncio.create_task(make_keeper(tenant()).run())
    await asyncio.sleep(20)
    store.seconds = 3.0
    keeper.cancel()
    await asyncio.sleep(1)  # it tells how far the stream is complete
    keeper.cancel()
    await asyncio.wait({keeper})
    assert keeper.cancelled()
    assert store.history == ["taken", "killed"]


async def test_what_does_not_belong_here_ends_the_keeper(make_keeper: MakeKeeper, store: MemoryStore) -> None:
    """Going on could do harm; no retry makes it better."""
    store.take_over_errors.append(StoreError("another number of partitions"))
    with pytest.raises(StoreError, match="another number of partitions"):
        await make_keeper(tenant()).run()


async def test_heartbeats_of_a_shards_tenants_ride_together(make_keeper: MakeKeeper, store: MemoryStore) -> None:
    """Silence is proof of no change: a record a minute for each tenant, in one transaction."""
    names = [f"t{number}" for number in range(20)]
    async with running(make_keeper(*(tenant(name, interval=1000, timeout=900) for name in names)).run()):
        await asyncio.sleep(30)
        before = len(store.commits)
        await asyncio.sleep(60)
        beats = store.commits[before:]
    assert sum(len(commit) for commit in beats) == 20
    assert len(beats) <= 3
    assert {record.topic for commit in beats for record in commit} == {TENANTS}


async def test_a_heartbeat_tells_the_newest_watermark(make_keeper: MakeKeeper, store: MemoryStore) -> None:
    """Polls without change moved it in memory only."""
    await run_for(130, make_keeper(tenant(heartbeat="10s")).run())
    told = [each["complete_through"] for each in store.reports()]
    assert told == sorted(told)
    assert len(set(told)) >= 11
    assert {each["tenant_sequence"] for each in store.reports()} == {1}


async def test_a_watermark_never_goes_back_while_commits_are_slow(
    make_keeper: MakeKeeper, store: MemoryStore, vendors: MemoryVendors
) -> None:
    """A heartbeat that falls due while a commit is under way, and the last words of a shard, tell what is committed."""
    store.seconds = 1.7
    for again in range(12):
        async with running(make_keeper(tenant(interval=1000, timeout=900, heartbeat="100ms")).run()):
            for _ in range(5):
                await asyncio.sleep(1.3 + again / 13)
                vendors.agents["acme"]["a"] = 13 - vendors.agents["acme"]["a"]
    told = [(each["complete_through"], each["tenant_sequence"]) for each in store.reports()]
    assert len(told) > 30
    assert told == sorted(told)
    numbers = {event["tenant_sequence"]: event["occurred"]["earliest"] for event in store.events()}
    for through, sequence in told:
        later = [earliest for number, earliest in numbers.items() if number > sequence]
        assert all(earliest >= through for earliest in later)


async def test_tenants_without_config_are_reported_until_they_are_forgotten(
    make_keeper: MakeKeeper, store: MemoryStore, signals: list[Signal]
) -> None:
    """At once and then with each heartbeat; their rows stay, and they are counted."""
    await run_for(5, make_keeper(tenant("acme"), tenant("globex")).run())
    async with running(make_keeper(tenant("acme")).run()):
        await asyncio.sleep(5)
        assert [each["health"] for each in store.reports() if each["tenant"] == "globex"][-1] == "unconfigured"
        await asyncio.sleep(125)
    await run_for(130, make_keeper(tenant("acme")).run())
    reports = [each for each in store.reports() if each["tenant"] == "globex"]
    assert [each["health"] for each in reports][:3] == ["ok", "ok", "unconfigured"]
    assert {each["health"] for each in reports[2:]} == {"unconfigured"}
    assert {each["interval_ms"] for each in reports[2:]} == {None}
    assert b"globex|a" in store.rows()
    await run_for(5, make_keeper(tenant("acme"), tenant("globex", forget=True)).run())
    await run_for(5, make_keeper(tenant("acme")).run())
    assert [each.count for each in of(signals, UnconfiguredTenants)] == [1, 1]  # none is told where there are none


async def test_a_shard_is_given_up_in_good_order(
    make_keeper: MakeKeeper, store: MemoryStore, vendors: MemoryVendors, signals: list[Signal]
) -> None:
    """What was under way is finished, the last words say how far the stream is complete, and it is closed."""
    store.seconds = 0.5
    async with running(make_keeper(tenant()).run()):
        await asyncio.sleep(30)
        vendors.agents["acme"]["a"] = 9
        vendors.made[0].asked.clear()
        await vendors.made[0].asked.wait()
        await asyncio.sleep(0.1)  # its commit is under way
        ended = vendors.clock.monotonic()
    assert vendors.clock.monotonic() - ended < CLOSE_WITHIN
    assert store.history == ["taken", "closed"]
    assert [each["change"] for each in store.events()] == ["baseline", "changed"]
    last = store.reports()[-1]
    assert (last["complete_through"], last["tenant_sequence"]) == (
        rfc3339(vendors.clock.wall() - round((vendors.clock.monotonic() - vendors.made[0].requests[-1]) * 1000)),
        2,
    )
    assert signals[-2:] == [
        ShardDropped(shard=0, reason="stopped"),
        TenantGone(tenant="acme", source="8x8-agent-status"),
    ]


async def test_a_store_that_hangs_holds_up_the_end_for_five_seconds(
    make_keeper: MakeKeeper, store: MemoryStore, vendors: MemoryVendors
) -> None:
    """Then the shard is killed; who owns it next finds out what was committed."""
    async with running(make_keeper(tenant()).run()):
        await asyncio.sleep(30)
        store.seconds = 3600
        before = vendors.clock.monotonic()
    assert vendors.clock.monotonic() - before == pytest.approx(CLOSE_WITHIN)
    assert store.history == ["taken", "killed"]


async def test_a_keeper_that_is_stopped_between_loss_and_take_over_leaves_nothing_open(
    make_keeper: MakeKeeper, store: MemoryStore, vendors: MemoryVendors
) -> None:
    """Whenever it is cancelled, each engine that was opened is closed or killed."""
    for moment in range(40):
        async with running(make_keeper(tenant(interval=1000, timeout=900)).run()) as tasks:
            await asyncio.sleep(5)
            vendors.agents["acme"]["a"] = 13 - vendors.agents["acme"]["a"]
            store.commit_errors.append(ShardLost("timeout"))
            store.failed.clear()
            await store.failed.wait()
            for _ in range(moment):
                await asyncio.sleep(0)
            tasks[0].cancel()
        ends = [each for each in store.history if each != "taken"]
        assert store.history.count("taken") == len(ends)


async def test_a_fault_of_ours_in_a_background_task_ends_nothing(
    make_keeper: MakeKeeper, store: MemoryStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is logged without what it was about, the task is begun again, and the others never noticed."""
    await run_for(5, make_keeper(tenant(), tenant("globex")).run())
    interpret, faults = MemorySource.interpret, [KeyError("Padma")] * 3

    def faulty(self: MemorySource, vendor: Mapping[str, Any]) -> Meaning:
        if faults:
            raise faults.pop()
        return interpret(self, vendor)

    monkeypatch.setattr(MemorySource, "interpret", faulty)
    await run_for(20, make_keeper(tenant(resync="t1"), tenant("globex")).run())
    assert [each["change"] for each in store.events() if each["tenant"] == "acme"] == ["baseline", "resync"]
    assert store.history == ["taken", "closed"] * 2
    logged = capsys.readouterr().out
    assert logged.count("a background task failed by a fault of ours") == 3
    assert "KeyError" in logged
    assert "Padma" not in logged


async def test_a_tenant_whose_record_cant_be_made_keeps_no_other_from_its_heartbeats(
    make_keeper: MakeKeeper, store: MemoryStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor from the last words; it is tried again with each beat, and logged without what it was about."""
    async with running(make_keeper(tenant("acme"), tenant("globex")).run()):
        await asyncio.sleep(30)
        before = len(store.reports())

        def faulty(status: TenantStatus) -> Record:
            if status.tenant == "acme":
                raise KeyError("Padma")
            return tenant_record(status)

        monkeypatch.setattr(reporter, "tenant_record", faulty)
        await asyncio.sleep(130)
    assert [each["tenant"] for each in store.reports()[before:]] == ["globex"] * 3, "two beats and the last words"
    assert store.history == ["taken", "closed"]
    logged = capsys.readouterr().out
    assert logged.count("a tenant's record could not be made by a fault of ours") == 3
    assert "KeyError" in logged
    assert "Padma" not in logged


async def test_a_fault_of_ours_in_the_last_words_ends_the_shard_alone(
    make_keeper: MakeKeeper, store: MemoryStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is logged and the shard killed; raised, it would end the tasks beside the keeper, and with them the process."""

    async def faulty(_: Crew) -> None:
        raise KeyError("Padma")

    monkeypatch.setattr(Crew, "last_words", faulty)
    await run_for(20, make_keeper(tenant()).run())
    assert store.history == ["taken", "killed"]
    logged = capsys.readouterr().out
    assert logged.count("a shard could not be given up in good order by a fault of ours") == 1
    assert "Padma" not in logged


async def test_a_row_that_cant_be_read_stops_its_tenant_alone(
    make_keeper: MakeKeeper, store: MemoryStore, signals: list[Signal]
) -> None:
    """With or without config: the shard is served, and nothing is written over that row."""
    store.write([Record(topic=ROWS, key=b"acme|a", value=b"{"), Record(topic=ROWS, key=b"gone|a", value=b"{")])
    await run_for(130, make_keeper(tenant("acme"), tenant("globex")).run())
    assert {each["tenant"] for each in store.reports()} == {"globex"}
    assert {key: value for key, value in store.rows().items() if value == b"{"}.keys() == {b"acme|a", b"gone|a"}
    assert [each.reason for each in of(signals, ShardDropped)] == ["stopped"]
