"""The simulated vendor over HTTP: its API, its authentication, its control endpoints."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path

import aiohttp
import pytest

from streamer.simulator import (
    SHARED_PASSWORD,
    SimulatorServer,
    SimulatorSettings,
    parse_faults,
    parse_sources,
    tenant_ids,
)
from tests.simulator.conftest import TENANT, Client

AVAILABLE = {"agent-status": 4, "agent-sub-status": "none"}
LUNCH = {
    "agent-status": 3,
    "status-code-list-id": 801,
    "status-code-item-id": 1725,
    "status-code-item-short-code": "Lunch",
}


async def test_all_agents_come_in_the_documented_envelope(client: Client) -> None:
    """An object with the one field `data`, a list of all agents, as JSON."""
    async with client.get() as response:
        assert response.status == 200
        assert response.content_type == "application/json"
        assert "Date" in response.headers
        body = await response.json()
    assert list(body) == ["data"]
    assert len({item["agent-id"] for item in body["data"]}) == 40


async def test_one_agent_comes_as_a_bare_object(client: Client) -> None:
    """The same fields as in the list, without an envelope."""
    listed = await client.agents()
    for item in listed[:3]:
        async with client.get(agent=item["agent-id"]) as response:
            assert response.status == 200
            assert await response.json() == item


async def test_an_unknown_agent_is_not_found(client: Client) -> None:
    """404, not an empty object."""
    async with client.get(agent="agNobody") as response:
        assert response.status == 404


async def test_only_the_chosen_apis_are_served() -> None:
    """The others are not there at all: nothing is rendered for nobody."""
    chosen = parse_sources("8x8-agent-status, google-ccaip")
    async with (
        SimulatorServer(SimulatorSettings(agents=3, sources=chosen)) as simulator,
        aiohttp.ClientSession() as http,
    ):
        client = Client(http, simulator.base_url)
        assert len(await client.agents()) == 3
        async with client.ask("/api/rtstats/stats/agents.json") as response:
            assert response.status == 404
        assert simulator.simulation.apis.keys() == {"8x8-agent-status", "google-ccaip"}


def test_an_unknown_api_is_refused_with_the_names_of_those_there_are() -> None:
    """Before anything is served."""
    with pytest.raises(ValueError, match="unknown source '8x8'; known sources: 8x8-agent-status, 8x8-realtime-stats"):
        parse_sources("google-ccaip,8x8")


async def test_tenants_differ(client: Client) -> None:
    """No agent works for two tenants."""
    first, second = [{item["agent-id"] for item in await client.agents(tenant)} for tenant in tenant_ids(2)]
    assert first.isdisjoint(second)


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic !",
        "Bearer token-sim-001",
        aiohttp.encode_basic_auth("sim-001", "token-sim-002"),
        aiohttp.encode_basic_auth("sim-001", ""),
        aiohttp.encode_basic_auth("sim-002", "token-sim-002"),
        aiohttp.encode_basic_auth("sim-002", SHARED_PASSWORD),
    ],
)
async def test_without_the_tenants_own_credentials_nothing_is_shown(client: Client, authorization: str | None) -> None:
    """401 with a challenge, and the client's request is counted as unauthorized, not as the tenant's."""
    headers = {} if authorization is None else {"Authorization": authorization}
    async with client.get(headers=headers) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Basic ")
    stats = await client.stats()
    assert stats["manners"]["unauthorized"] == 1
    assert stats["tenants"][TENANT]["requests"] == 0


async def test_an_unknown_tenant_is_unauthorized(client: Client) -> None:
    """As with the vendor, nobody has credentials for it."""
    async with client.get(tenant="sim-999") as response:
        assert response.status == 401


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
async def test_the_shared_password_opens_every_tenant(client: Client, scheme: str) -> None:
    """One environment variable is enough for a config of many tenants; the scheme's case is free (RFC 7617)."""
    for tenant in tenant_ids(2):
        credentials = aiohttp.encode_basic_auth(tenant, SHARED_PASSWORD).split(" ")[1]
        async with client.get(tenant=tenant, headers={"Authorization": f"{scheme} {credentials}"}) as response:
            assert response.status == 200


async def test_a_forced_status_is_served_at_once(client: Client) -> None:
    """`set` answers when the change is in force; a second time it changes nothing."""
    agent = (await client.agents())[0]["agent-id"]
    for status in (AVAILABLE, LUNCH):
        await client.control("set", tenant=TENANT, agent=agent, status=status)
        assert await client.control("set", tenant=TENANT, agent=agent, status=status) == {"changed": False}
        async with client.get(agent=agent) as response:
            item = await response.json()
        assert {key: item[key] for key in status} == status


async def test_an_agent_forced_off_the_list_is_gone_until_forced_back(client: Client) -> None:
    """A null status is absence, from the list and as a single agent."""
    agent = (await client.agents())[0]["agent-id"]
    await client.control("set", tenant=TENANT, agent=agent, status=None)
    assert agent not in {item["agent-id"] for item in await client.agents()}
    async with client.get(agent=agent) as response:
        assert response.status == 404
    await client.control("set", tenant=TENANT, agent=agent, status=AVAILABLE)
    assert agent in {item["agent-id"] for item in await client.agents()}


@pytest.mark.parametrize(
    ("command", "body", "status", "message"),
    [
        ("set", {"tenant": TENANT, "agent": "agNobody", "status": None}, 404, "has no agent 'agNobody'"),
        ("set", {"tenant": "sim-999", "agent": "agNobody", "status": None}, 404, "tenant 'sim-999'"),
        ("set", {"tenant": TENANT}, 400, "missing required field `agent`"),
        ("faults", {"tenant": "sim-999", "faults": ""}, 404, "no tenant 'sim-999'"),
        ("faults", {"faults": "frogs"}, 400, "unknown fault 'frogs'"),
        ("faults", {"faults": "", "tennant": TENANT}, 400, "unknown field `tennant`"),
        ("faults", [], 400, "SetFaults"),
    ],
)
async def test_a_bad_command_is_refused_with_its_reason(
    client: Client, command: str, body: object, status: int, message: str
) -> None:
    """The answer says what is wrong with the command, in JSON."""
    async with client.http.post(f"{client.base_url}/_simulator/{command}", json=body) as response:
        assert response.status == status
        assert message in (await response.json())["error"]


async def test_an_unknown_status_code_cannot_be_forced(client: Client) -> None:
    """400, and nothing changes."""
    before = await client.agents()
    with pytest.raises(aiohttp.ClientResponseError, match="400"):
        await client.control("set", tenant=TENANT, agent=before[0]["agent-id"], status={"agent-status": 12})
    assert await client.agents() == before


async def test_tenants_are_listed_with_how_many_agents_they_show(client: Client) -> None:
    """Agents off the list are not counted."""
    agent = (await client.agents())[0]["agent-id"]
    await client.control("set", tenant=TENANT, agent=agent, status=None)
    async with client.http.get(f"{client.base_url}/_simulator/tenants") as response:
        assert await response.json() == {"tenants": [{"id": "sim-001", "agents": 39}, {"id": "sim-002", "agents": 40}]}


async def test_requests_at_once_are_counted_by_tenant(client: Client) -> None:
    """The highest number of a tenant's requests in flight at one moment stays on record."""
    await client.control("faults", faults="slow:1:0.2")

    async def ask(tenant: str) -> None:
        async with client.get(tenant=tenant) as response:
            await response.read()

    await asyncio.gather(*(ask("sim-001") for _ in range(3)), ask("sim-002"))
    await ask("sim-002")
    tenants = (await client.stats())["tenants"]
    assert (tenants["sim-001"]["requests"], tenants["sim-001"]["max_in_flight"]) == (3, 3)
    assert (tenants["sim-002"]["requests"], tenants["sim-002"]["max_in_flight"]) == (2, 1)
    assert tenants["sim-001"]["in_flight"] == 0
    assert tenants["sim-001"]["faults"] == {"slow": 3}


async def test_a_request_given_up_by_its_client_is_in_flight_no_longer(client: Client) -> None:
    """A client that times out and asks again never has two requests in flight."""
    await client.control("faults", faults="slow:1:60")
    for _ in range(5):
        with pytest.raises(TimeoutError):
            async with client.get(timeout=aiohttp.ClientTimeout(total=0.05)):
                pass
    assert (await client.stats())["tenants"][TENANT]["max_in_flight"] == 1


async def test_time_brings_changes_without_being_asked(tmp_path: Path) -> None:
    """The record grows between requests: transitions do not wait for one."""
    truth = tmp_path / "truth.jsonl"
    async with SimulatorServer(SimulatorSettings(tenants=1, agents=40, speed=500, truth=truth)):
        at_first = truth.read_bytes().count(b"\n")
        for _ in range(100):
            await asyncio.sleep(0.05)
            if (lines := truth.read_bytes().count(b"\n")) > at_first:
                break
    assert at_first >= 40
    assert lines > at_first


async def test_a_taken_port_is_an_error_at_entering(simulator: SimulatorServer) -> None:
    """The error of the operating system comes through, and nothing is left running."""
    port = int(re.sub(r".*:", "", simulator.base_url))
    running = len(asyncio.all_tasks())
    with pytest.raises(OSError, match="in use"):
        async with SimulatorServer(SimulatorSettings(port=port)):
            pass
    assert len(asyncio.all_tasks()) == running


async def test_a_thousand_agents_are_served_within_milliseconds(http: aiohttp.ClientSession) -> None:
    """Polling a large tenant costs little, so that tests measure the product and not the simulator."""
    async with SimulatorServer(SimulatorSettings(tenants=1, agents=1000, speed=20)) as server:
        client = Client(http, server.base_url)
        took = []
        for _ in range(20):
            started = time.process_time()  # of this process, both ends: what the machine does beside is no matter
            async with client.get() as response:
                assert len(await response.read()) > 50_000
            took.append(time.process_time() - started)
    assert sorted(took)[10] < 0.2


async def test_the_record_of_requests_tells_clients_apart(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    """Who asks under `/_client/NAME` is recorded under that name, with the time and what the answer was."""
    requests = tmp_path / "requests.jsonl"
    async with SimulatorServer(SimulatorSettings(tenants=1, agents=3, requests=requests)) as simulator:
        began = simulator.simulation.refresh()
        for path, faults in (("", ""), ("/_client/one", "503"), ("/_client/two", "")):
            simulator.simulation.faults.replace(parse_faults(faults))
            async with Client(http, simulator.base_url + path).get() as response:
                await response.read()
        ended = simulator.simulation.refresh()
    lines = [json.loads(line) for line in requests.read_text().splitlines()]
    assert [(line["tenant"], line["client"], line["status"]) for line in lines] == [
        (TENANT, "", 200),
        (TENANT, "one", 503),
        (TENANT, "two", 200),
    ]
    assert all(began <= line["at"] <= line["until"] <= ended for line in lines)
