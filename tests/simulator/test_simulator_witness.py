"""The record says what every vendor served, at any time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamer.simulator import APIS, told_by
from tests.simulator.conftest import TENANT, Client, HandClock, by_hand
from tests.simulator.readers import BEARER, READERS, Agents
from tests.simulator.test_simulator_truth import lines_of


def told_at(truth: Path, source: str, moment: int) -> Agents:
    """The status fields of everybody listed at a moment, from the record alone."""
    agents = {}
    for (tenant, agent), story in told_by(lines_of(truth), source).items():
        states = [shown for at, shown in story if at <= moment]
        if tenant == TENANT and states and states[-1] is not None:
            agents[agent] = states[-1]
    return agents


@pytest.mark.parametrize("reader", READERS)
async def test_each_vendor_shows_the_one_true_history(tmp_path: Path, http: Any, reader: str) -> None:
    """Through leavings, returns and hirings: who is listed, by the vendor's ids, and every status field."""
    truth, source = tmp_path / "truth.jsonl", READERS[reader].source
    settings = {"agents": 40, "churn": 0.05, "seed": 5, "truth": truth}
    async with by_hand(http, **settings) as (client, clock, simulation):
        api: Any = simulation.apis[source]
        seen = []
        for step in range(120):
            clock.now += step * 61
            served = await READERS[reader].read(client)
            moment = api.refreshed_at(TENANT, clock.now) if source == "8x8-realtime-stats" else clock.now
            assert served == told_at(truth, source, moment)
            seen.append(json.dumps(served, sort_keys=True))
    assert len(set(seen)) > (30 if source == "8x8-realtime-stats" else 80)


def test_every_source_has_a_careful_client() -> None:
    """None is served without being read by another than the product."""
    assert {reader.source for reader in READERS.values()} == set(APIS)


@pytest.mark.parametrize("source", APIS)
async def test_ids_are_those_of_the_endpoint(tmp_path: Path, http: Any, source: str) -> None:
    """Everybody who ever worked there, with who is listed now."""
    truth = tmp_path / "truth.jsonl"
    async with by_hand(http, agents=10, churn=0.3, truth=truth) as (client, clock, _):
        clock.now += 600_000
        async with client.http.get(f"{client.base_url}/_simulator/agents?tenant={TENANT}") as response:
            agents = (await response.json())["agents"]
        key = {"8x8-agent-status": "agent", "8x8-realtime-stats": "guid", "vonage-agent-status": "vonage"}
        ids = {str(each["ids"][key.get(source, "google")]): each["listed"] for each in agents}
        told = told_at(truth, source, clock.now)
        assert {agent for _, agent in told_by(lines_of(truth), source)} == set(ids)
    assert {agent for agent, listed in ids.items() if listed} == set(told)
    assert len(ids) > 10
    assert 0 < len(told) < len(ids)


async def test_ids_of_an_unknown_tenant_are_not_found(client: Client) -> None:
    """404 with its name."""
    async with client.http.get(f"{client.base_url}/_simulator/agents?tenant=sim-999") as response:
        assert response.status == 404
        assert "sim-999" in (await response.json())["error"]


async def test_vonages_times_are_those_of_the_record(tmp_path: Path, http: Any) -> None:
    """`since` of a presence is the millisecond in which it was recorded to begin."""
    truth = tmp_path / "truth.jsonl"
    async with by_hand(http, agents=20, truth=truth) as (client, clock, _):
        clock.now += 500_000
        async with client.ask("/stats/agent-status", headers=BEARER) as response:
            items = (await response.json(content_type=None))["items"]
        began: dict[str, int] = {}
        for (_, agent), story in told_by(lines_of(truth), "vonage-agent-status").items():
            shown: Any = None
            for at, each in story:
                assert each is not None
                now = [each["presence"][name] for name in ("name", "description")]
                began[agent], shown = (at, now) if now != shown else (began[agent], shown)
    for item in items:
        assert item["presence"]["since"].endswith(f".{began[item['agentId']] % 1000:03d}Z")
    assert len(set(began.values())) > 5


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("fault", ["lagging", "lagging-silently"])
async def test_a_lagging_node_shows_what_was_true(tmp_path: Path, http: Any, reader: str, fault: str) -> None:
    """Exactly as long ago as is said, by turns with one that does not lag."""
    truth, source = tmp_path / "truth.jsonl", READERS[reader].source
    settings = {"agents": 40, "churn": 0.05, "speed": 5, "stats_cache": 0, "truth": truth}
    async with by_hand(http, **settings) as (client, clock, _):
        await client.control("faults", faults=f"{fault}:0.5:20")
        lagged = 0
        for _ in range(60):
            clock.now += 3000
            served, now = await READERS[reader].read(client), told_at(truth, source, clock.now)
            old = told_at(truth, source, max(clock.now - 20_000, 1_700_000_000_000))
            assert served in (now, old)
            lagged += served == old != now
    assert 15 < lagged < 45


async def up_to(client: Client, clock: HandClock, fault: str) -> str:
    await client.control("faults", faults=fault)
    clock.now = 1_700_000_060_500
    async with client.ask("/stats/agent-status", headers=BEARER) as response:
        text: str = (await response.json(content_type=None))["upTo"]
        return text


async def test_a_lagging_node_may_date_its_data_honestly_or_not(http: Any) -> None:
    """`upTo` is the moment shown, or it claims to be now."""
    async with by_hand(http) as (client, clock, _):
        assert await up_to(client, clock, "lagging:1:1.25") == "2023-11-14T22:14:19.250Z"
        assert await up_to(client, clock, "lagging-silently:1:1.25") == "2023-11-14T22:14:20.500Z"
