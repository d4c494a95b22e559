"""The HTTP side of 8x8's agent-status API: both GET requests of "CC Managing Agent Status", and every fault."""

from __future__ import annotations

import aiohttp
from aiohttp import web

from streamer.simulator.faults import Call
from streamer.simulator.settings import SHARED_PASSWORD
from streamer.simulator.simulation import Simulation, Traffic

AGENTS = "/api/v1/tenants/{tenant}/agentstatus/agents"


def token_of(tenant: str) -> str:
    """The tenant's own API token. `SHARED_PASSWORD` is accepted for every tenant beside it."""
    return f"token-{tenant}"


class VendorApi:
    """Answers as the vendor does, unless a fault strikes."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    def routes(self) -> list[web.RouteDef]:
        """Return the vendor's routes, and the place that the redirect fault leads to."""
        return [
            web.get(AGENTS, self._answer, allow_head=False),
            web.get(AGENTS + "/{agent}", self._answer, allow_head=False),
            web.get("/_simulator/elsewhere", self._elsewhere),
        ]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        tenant = request.match_info["tenant"]
        self._inspect_cookies(request, tenant)
        traffic = self._simulation.traffic.get(tenant)
        if traffic is None or not _authorized(request, tenant):
            self._simulation.manners.unauthorized += 1
            return _error(401, "Unauthorized", {"WWW-Authenticate": 'Basic realm="8x8"'})
        traffic.requests += 1
        traffic.in_flight += 1
        traffic.max_in_flight = max(traffic.max_in_flight, traffic.in_flight)
        try:
            return await self._authorized_answer(request, tenant, traffic)
        finally:
            traffic.in_flight -= 1

    async def _authorized_answer(self, request: web.Request, tenant: str, traffic: Traffic) -> web.StreamResponse:
        fault, dice = self._simulation.faults.draw(tenant, traffic.requests)
        agent = request.match_info.get("agent")
        listed = self._simulation.agents_of(tenant)
        item = None if agent is None else listed.item(agent)
        if agent is not None and item is None:
            return _error(404, "Agent not found")
        call = Call(
            request=request,
            items=listed.items() if item is None else [item],
            single=item is not None,
            tenant=tenant,
            argument="" if fault is None else fault.argument,
            dice=dice,
        )
        if fault is None:
            return call.ok()
        traffic.faults[fault.name] = traffic.faults.get(fault.name, 0) + 1
        return await fault.kind.answer(call)

    async def _elsewhere(self, request: web.Request) -> web.Response:
        """Where the redirect fault leads: no good client ever comes here."""
        self._simulation.manners.redirects_followed += 1
        self._simulation.manners.redirected_credentials += "Authorization" in request.headers
        return _error(403, "Forbidden")

    def _inspect_cookies(self, request: web.Request, tenant: str) -> None:
        self._simulation.manners.cookies += len(request.cookies)
        self._simulation.manners.foreign_cookies += request.cookies.get("session", tenant) != tenant


def _authorized(request: web.Request, tenant: str) -> bool:
    """Basic authentication (RFC 7617): the user is the tenant, the scheme's case does not matter."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    good = (aiohttp.encode_basic_auth(tenant, password) for password in (token_of(tenant), SHARED_PASSWORD))
    return scheme.lower() == "basic" and any(given == header.partition(" ")[2] for header in good)


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"status": status, "message": message}, status=status, headers=headers)
