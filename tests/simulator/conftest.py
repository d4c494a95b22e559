"""A running simulator and a client that speaks to it as a vendor's customer would."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from streamer.simulator import Simulation, SimulatorServer, SimulatorSettings, create_app, token_of

TENANT = "sim-001"
DEADLINE = aiohttp.ClientTimeout(total=10)


@dataclass
class Client:
    """An HTTP client of one simulator; keeps no cookies and follows no redirects."""

    http: aiohttp.ClientSession
    base_url: str

    def get(self, *, tenant: str = TENANT, agent: str | None = None, **options: Any) -> Any:
        """Ask for all agents, or one, as the tenant."""
        url = f"{self.base_url}/api/v1/tenants/{tenant}/agentstatus/agents" + (f"/{agent}" if agent else "")
        headers = {"Authorization": aiohttp.encode_basic_auth(tenant, token_of(tenant))}
        return self.http.get(url, **{"headers": headers, "allow_redirects": False, **options})

    def ask(self, path: str, *, tenant: str = TENANT, **options: Any) -> Any:
        """Ask any vendor for `path`, as the tenant, by Basic authentication."""
        headers = {"Authorization": aiohttp.encode_basic_auth(tenant, token_of(tenant)), **options.pop("headers", {})}
        return self.http.get(self.base_url + path, **{"headers": headers, "allow_redirects": False, **options})

    async def agents(self, tenant: str = TENANT) -> list[dict[str, Any]]:
        """All agents of the tenant, as the vendor's items."""
        async with self.get(tenant=tenant) as response:
            assert response.status == 200
            data: list[dict[str, Any]] = (await response.json())["data"]
            return data

    async def control(self, command: str, **body: Any) -> dict[str, Any]:
        """Send a control command; raises where it is refused."""
        async with self.http.post(f"{self.base_url}/_simulator/{command}", json=body) as response:
            response.raise_for_status()
            answer: dict[str, Any] = await response.json()
            return answer

    async def stats(self) -> dict[str, Any]:
        """What the simulator counted."""
        async with self.http.get(f"{self.base_url}/_simulator/stats") as response:
            answer: dict[str, Any] = await response.json()
            return answer


class HandClock:
    """A clock that the test moves, in ms since the epoch."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def __call__(self) -> int:
        """Return the time."""
        return self.now


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=DEADLINE) as session:
        yield session


@pytest.fixture
async def simulator() -> AsyncIterator[SimulatorServer]:
    """Two tenants of forty agents; nothing moves but what a test forces."""
    async with SimulatorServer(SimulatorSettings(tenants=2, agents=40)) as server:
        server.simulation.freeze()
        yield server


@contextlib.asynccontextmanager
async def by_hand(http: aiohttp.ClientSession, **settings: Any) -> AsyncIterator[tuple[Client, HandClock, Simulation]]:
    """A client of a simulation whose time the test moves."""
    clock = HandClock()
    simulation = Simulation(SimulatorSettings(**{"tenants": 1, "agents": 8, **settings}), clock=clock)
    async with TestServer(create_app(simulation), handler_cancellation=True) as server:
        yield Client(http, str(server.make_url("")).rstrip("/")), clock, simulation


@pytest.fixture
def client(http: aiohttp.ClientSession, simulator: SimulatorServer) -> Client:
    return Client(http, simulator.base_url)
