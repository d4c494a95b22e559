"""The record of what truly happened, and that it is what is served."""

from __future__ import annotations

import asyncio
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer

from streamer.simulator import Simulation, SimulatorServer, SimulatorSettings, create_app
from tests.simulator.conftest import TENANT, Client, HandClock

FIELDS = (
    "agent-status",
    "status-code-list-id",
    "status-code-item-id",
    "status-code-item-short-code",
    "agent-sub-status",
)
Served = dict[str, dict[str, Any]]


def lines_of(truth: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in truth.read_text().splitlines()]


def replay(lines: list[dict[str, Any]], at: int, tenant: str = TENANT) -> Served:
    """The vendor's status fields of each agent listed at ``at``, from the record alone."""
    listed: Served = {}
    for line in lines:
        if line["at"] <= at and line.get("tenant") == tenant:
            if line["present"]:
                listed[line["agent"]] = line["status"]
            else:
                del listed[line["agent"]]
    return listed


def statuses(items: list[dict[str, Any]]) -> Served:
    return {item["agent-id"]: {field: item.get(field) for field in FIELDS} for item in items}


async def test_an_answer_shows_exactly_the_changes_recorded_up_to_its_time(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    """At every moment, and already on disk when the answer comes: no more, no less, none later."""
    truth, clock = tmp_path / "truth.jsonl", HandClock()
    settings = SimulatorSettings(tenants=1, agents=60, churn=0.05, truth=truth)
    async with TestServer(create_app(Simulation(settings, clock=clock)), handler_cancellation=True) as server:
        client = Client(http, str(server.make_url("")).rstrip("/"))
        seen = []
        for step in range(200):
            clock.now += step * 37
            served = statuses(await client.agents())
            assert served == replay(lines_of(truth), clock.now)
            seen.append((clock.now, served))
    lines = lines_of(truth)
    assert all(served == replay(lines, at) for at, served in seen)
    assert sum(before != after for (_, before), (_, after) in pairwise(seen)) > 150
    assert any(not line["present"] for line in lines)


async def test_the_record_places_every_change_in_wall_time(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """A client that polls fast always sees the recorded state of some moment between its question and the answer."""
    truth = tmp_path / "truth.jsonl"
    async with SimulatorServer(
        SimulatorSettings(tenants=1, agents=30, speed=1000, churn=0.02, truth=truth)
    ) as simulator:
        client = Client(http, simulator.base_url)
        polls = []
        for _ in range(200):
            await asyncio.sleep(0.005)
            start = time.time_ns() // 1_000_000
            items = await client.agents()
            polls.append((start, time.time_ns() // 1_000_000, statuses(items)))
    lines = lines_of(truth)
    for start, end, served in polls:
        moments = {start, *(line["at"] for line in lines if start < line["at"] <= end)}
        assert any(served == replay(lines, at) for at in moments)
    assert len(lines) > 100


async def test_each_line_has_the_documented_fields(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """Fields that the vendor leaves out are null in the record, and an absent agent has no status."""
    truth = tmp_path / "truth.jsonl"
    async with SimulatorServer(SimulatorSettings(tenants=2, agents=5, truth=truth)) as simulator:
        client = Client(http, simulator.base_url)
        agent = (await client.agents())[0]["agent-id"]
        await client.control("set", tenant=TENANT, agent=agent, status=None)
        lines = lines_of(truth)
    assert [list(line)[5:] for line in lines] == [["activity", "ids"]] * 10 + [["activity"]]
    assert {line["tenant"] for line in lines[:10]} == {"sim-001", "sim-002"}
    assert len({line["at"] for line in lines[:10]}) == 1
    for line in lines:
        assert list(line)[:5] == ["at", "tenant", "agent", "present", "status"]
        assert isinstance(line["at"], int)
        assert (line["activity"] is None) == (not line["present"])
        assert line["status"] is None if not line["present"] else tuple(line["status"]) == FIELDS
    assert any(line["agent"] == agent and not line["present"] for line in lines)


async def test_freezing_ends_the_record(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """The closing line is on disk when `freeze` answers, once, and nothing moves after it."""
    truth = tmp_path / "truth.jsonl"
    async with SimulatorServer(SimulatorSettings(tenants=1, agents=40, speed=500, truth=truth)) as simulator:
        client = Client(http, simulator.base_url)
        assert await client.control("freeze") == {"frozen": True}
        frozen = lines_of(truth)
        served = await client.agents()
        assert await client.control("freeze") == {"frozen": True}
    assert lines_of(truth) == frozen
    assert frozen[-1] == {"at": frozen[-1]["at"], "frozen": True}
    assert frozen[-1]["at"] >= frozen[-2]["at"]
    assert statuses(served) == replay(frozen, frozen[-1]["at"])


async def test_a_forced_change_waits_until_the_millisecond_of_the_last_answer_is_over(tmp_path: Path) -> None:
    """Else an answer given earlier in that millisecond would contradict the record."""
    truth, clock = tmp_path / "truth.jsonl", HandClock()
    simulation = Simulation(SimulatorSettings(tenants=1, agents=5, truth=truth), clock=clock)
    simulation.refresh()
    answered = replay(lines_of(truth), clock.now)
    agent = next(iter(answered))
    forcing = asyncio.create_task(simulation.force(TENANT, agent, None))
    await asyncio.sleep(0.02)
    assert not forcing.done()
    clock.now += 1
    assert await asyncio.wait_for(forcing, timeout=60)
    simulation.close()
    lines = lines_of(truth)
    assert lines[-1]["at"] == clock.now
    assert replay(lines, clock.now - 1) == answered
    assert agent not in replay(lines, clock.now)
