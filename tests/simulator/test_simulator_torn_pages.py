"""Pages of one scan that do not belong together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp

from streamer.simulator import SimulatorServer, SimulatorSettings, told_by
from tests.simulator.conftest import TENANT, Client
from tests.simulator.readers import BEARER
from tests.simulator.test_simulator_truth import lines_of

PAGES = 4


async def scan(client: Client) -> list[dict[str, Any]]:
    pages = []
    for number in range(1, PAGES + 1):
        async with client.ask(f"/stats/agent-status?page={number}", headers=BEARER) as response:
            pages.append(await response.json(content_type=None))
    return pages


async def test_agents_come_and_go_between_the_pages_of_one_scan(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """Truly: the record knows. Some scans show it by their totals or an agent twice, some lack an agent and do not."""
    truth = tmp_path / "truth.jsonl"
    settings = SimulatorSettings(tenants=1, agents=40, page_size=10, faults="torn-pages:0.7", truth=truth)
    async with SimulatorServer(settings) as server:
        server.simulation.freeze()
        client = Client(http, server.base_url)
        scans = [await scan(client) for _ in range(30)]
    ids = [[item["agentId"] for page in pages for item in page["items"]] for pages in scans]
    totals = [{page["meta"]["totalCount"] for page in pages} for pages in scans]
    assert any(len(each) > 1 for each in totals)
    assert any(len(set(each)) < len(each) for each in ids)
    stories = told_by(lines_of(truth), "vonage-agent-status")
    assert sum(len(story) for story in stories.values()) > 40 + 50
    always = {agent for (_, agent), story in stories.items() if len(story) == 1}
    assert any(always - set(seen) for seen in ids), "no agent who was there all the time was skipped"
    assert all(agent in {each for _, each in stories} for seen in ids for agent in seen)


async def test_the_first_page_never_tears(client: Client) -> None:
    """A scan of one page is whole, whatever the fault."""
    await client.control("faults", faults="torn-pages")
    for _ in range(5):
        async with client.ask("/stats/agent-status", headers=BEARER) as response:
            assert (await response.json(content_type=None))["meta"]["totalCount"] == 40
    assert (await client.stats())["tenants"][TENANT]["faults"] == {"torn-pages": 5}
