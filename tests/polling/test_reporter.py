from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import orjson
import pytest

from streamer.clock import rfc3339
from streamer.diff.state import TenantState
from streamer.events.schemas import TENANT_STATUS, complaint
from streamer.polling.reporter import Reporter, ReportTerms
from streamer.signals import HealthChanged, Signal
from tests.support.clock import LoopClock
from tests.support.values import NOON

pytestmark = pytest.mark.looptime

TERMS = ReportTerms(source="codes", heartbeat=60_000, interval=10_000, assumed_age=250)
SEEN = TenantState(
    tenant="acme",
    source="codes",
    sequence=7,
    complete_through=NOON,
    by_state={"ready": 2},
    resync="t1",
    resyncs=("t0", "t1"),
)


def reporter(clock: LoopClock, signals: list[Signal], state: TenantState = SEEN) -> Reporter:
    """Return a reporter that starts from a state."""
    return Reporter(state=state, terms=TERMS, clock=clock, observer=signals.append)


def told(by: Reporter, state: TenantState = SEEN) -> dict[str, Any]:
    """Return the record that is made now, parsed, once it is held to its schema."""
    record = by.record(state)
    assert complaint(TENANT_STATUS, record.value or b"") is None
    assert record.key == b"acme"
    value: dict[str, Any] = orjson.loads(record.value or b"")
    return value


async def test_a_record_tells_of_the_state_and_the_config(clock: LoopClock, signals: list[Signal]) -> None:
    """All of it, and nothing that names an agent."""
    await asyncio.sleep(2)
    by = reporter(clock, signals)
    by.judge("ok")
    assert told(by) == {
        "tenant": "acme",
        "source": "codes",
        "health": "ok",
        "health_since": rfc3339(NOON + 2000),
        "complete_through": rfc3339(NOON),
        "tenant_sequence": 7,
        "resolution_ms": 2000,
        "assumed_age_ms": 250,
        "interval_ms": 10_000,
        "agents": 2,
        "agents_by_state": {"ready": 2},
        "resync": "t1",
        "resyncs": ["t0", "t1"],
        "reported_at": rfc3339(NOON + 2000),
    }


async def test_a_record_is_due_on_the_heartbeat(clock: LoopClock, signals: list[Signal]) -> None:
    """One a minute, counted from the last one whatever it was made for."""
    by = reporter(clock, signals)
    by.judge("ok")
    await asyncio.sleep(59)
    assert not by.due()
    await asyncio.sleep(1)
    assert by.due()
    by.record(SEEN)
    await asyncio.sleep(30)
    by.record(SEEN)
    await asyncio.sleep(59)
    assert not by.due()


async def test_nothing_is_due_before_a_new_owner_has_a_verdict(clock: LoopClock, signals: list[Signal]) -> None:
    """It would repeat what the owner before said, as if it had looked."""
    by = reporter(clock, signals)
    await asyncio.sleep(3600)
    assert not by.due()


async def test_a_new_health_makes_a_record_due_once(clock: LoopClock, signals: list[Signal]) -> None:
    """Until it was told; then the same health again is no news."""
    by = reporter(clock, signals, msgspec.structs.replace(SEEN, health="ok", health_since=NOON - 5000))
    assert not by.judge("ok")
    assert by.judge("failing", "timeout")
    assert by.judge("failing", "timeout"), "not told yet"
    await asyncio.sleep(1)
    assert (told(by)["health"], told(by)["health_since"]) == ("failing", rfc3339(NOON + 1000))
    assert not by.judge("failing", "timeout")
    assert by.judge("ok")


async def test_the_time_of_a_health_outlives_a_take_over(clock: LoopClock, signals: list[Signal]) -> None:
    """A new owner that finds the same goes on with the time from the store."""
    by = reporter(clock, signals, msgspec.structs.replace(SEEN, health="failing", health_since=NOON - 5000))
    by.judge("failing", "timeout")
    assert told(by)["health_since"] == rfc3339(NOON - 5000)


async def test_health_is_signalled_when_it_changes_and_only_then(clock: LoopClock, signals: list[Signal]) -> None:
    """The first verdict of an owner is compared with what was last reported."""
    by = reporter(clock, signals, msgspec.structs.replace(SEEN, health="failing", health_since=NOON))
    for health in ("ok", "ok", "paused"):
        by.judge(health, "why")
    assert signals == [
        HealthChanged(tenant="acme", source="codes", before="failing", health="ok", advice="why"),
        HealthChanged(tenant="acme", source="codes", before="ok", health="paused", advice="why"),
    ]


async def test_another_reason_for_the_same_health_is_signalled_and_makes_no_record_due(
    clock: LoopClock, signals: list[Signal]
) -> None:
    """Who looks at the tenant reads the reason that holds now."""
    by = reporter(clock, signals, msgspec.structs.replace(SEEN, health="degraded", health_since=NOON))
    assert not by.judge("degraded", "our clock is off")
    assert not by.judge("degraded", "many agents vanished")
    told_of = [(each.before, each.health, each.advice) for each in signals if isinstance(each, HealthChanged)]
    assert told_of == [
        ("degraded", "degraded", "our clock is off"),
        ("degraded", "degraded", "many agents vanished"),
    ]


async def test_the_resolution_is_the_largest_gap_since_the_last_record(clock: LoopClock, signals: list[Signal]) -> None:
    """From one window's start to the next one's end; then the count begins anew."""
    by = reporter(clock, signals)
    for gap in (10_100, 45_200, 10_300):
        by.saw(gap)
    assert told(by)["resolution_ms"] == 45_200
    by.saw(10_400)
    assert told(by)["resolution_ms"] == 10_400


async def test_the_resolution_includes_the_gap_that_is_still_open(clock: LoopClock, signals: list[Signal]) -> None:
    """While polls fail, each record admits how long nobody has looked."""
    by = reporter(clock, signals)
    by.saw(10_000)
    await asyncio.sleep(90)
    assert told(by)["resolution_ms"] == 90_000
    await asyncio.sleep(60)
    assert told(by)["resolution_ms"] == 150_000


async def test_before_the_first_snapshot_there_is_no_resolution(clock: LoopClock, signals: list[Signal]) -> None:
    """Nothing was promised yet."""
    never = TenantState(tenant="acme")
    record = told(reporter(clock, signals, never), never)
    assert (record["complete_through"], record["resolution_ms"], record["agents"]) == (None, None, 0)


async def test_a_clock_that_was_set_back_makes_no_negative_resolution(clock: LoopClock, signals: list[Signal]) -> None:
    """Zero, which the schema allows; the poller waits for the clock meanwhile."""
    by = reporter(clock, signals)
    clock.step(-60_000)
    assert told(by)["resolution_ms"] == 0
