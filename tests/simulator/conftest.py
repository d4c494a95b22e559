"""A running simulator and a client that speaks to it as a vendor's customer would."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from streamer.simulator import SimulatorServer, SimulatorSettings, token_of

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


@pytest.fixture
def client(http: aiohttp.ClientSession, simulator: SimulatorServer) -> Client:
    return Client(http, simulator.base_url)
