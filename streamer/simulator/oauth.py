"""`POST /oauth/token`: OAuth 2.0 client credentials (RFC 6749, 4.4), for the APIs that take bearer tokens.

The client is the tenant, its secret the tenant's API token or the shared password, in the body or as Basic.
"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from streamer.simulator.access import BASIC, Tokens, basic_user, opens
from streamer.simulator.settings import SimulatorSettings
from streamer.simulator.simulation import Simulation

SCOPE = "stats"


class TokenEndpoint:
    """Issues tokens; each is counted in the tenant's traffic."""

    def __init__(self, simulation: Simulation, settings: SimulatorSettings) -> None:
        self._simulation = simulation
        self._tokens = Tokens(seed=settings.seed, life=settings.token_life)

    def routes(self) -> list[web.RouteDef]:
        """Return the one route."""
        return [web.post("/oauth/token", self._issue)]

    async def _issue(self, request: web.Request) -> web.Response:
        form = await request.post()
        client, secret = str(form.get("client_id", "")), str(form.get("client_secret", ""))
        tenant = client if opens(client, secret) else basic_user(request)
        traffic = self._simulation.traffic.get(tenant or "")
        if tenant is None or traffic is None:
            self._simulation.manners.unauthorized += 1
            return _answer({"error": "invalid_client"}, HTTPStatus.UNAUTHORIZED, BASIC)
        if form.get("grant_type") != "client_credentials":
            return _answer({"error": "unsupported_grant_type"}, HTTPStatus.BAD_REQUEST)
        traffic.tokens += 1
        token = self._tokens.issue(tenant, now=self._simulation.refresh())
        life = {"expires_in": int(self._tokens.life)}
        return _answer({"access_token": token, "token_type": "bearer", **life, "scope": SCOPE}, HTTPStatus.OK)


def _answer(body: dict[str, object], status: int, headers: dict[str, str] | None = None) -> web.Response:
    """As RFC 6749, 5.1 says: never to be kept by a cache."""
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store", **(headers or {})})
