"""The control endpoints under `/_simulator/`, for tests and demonstrations; answered on loopback only.

- `GET tenants`: `{"tenants": [{"id": "sim-001", "agents": 50}, ...]}`.
- `GET agents?tenant=sim-001`: `{"agents": [{"listed": true, "ids": {...}}, ...]}`, the fields of `Ids`, for everybody
  who ever worked there.
- `GET stats`: `{"tenants": {...}, "manners": {...}}`, the fields of `Traffic` for each tenant and of `Manners`.
- `POST faults` `{"tenant": "sim-001", "faults": "429:0.2:5,slow:0.1"}`: replaces them; a null tenant means all.
- `POST set` `{"tenant": ..., "agent": ..., "status": {"agent-status": 4, ...}}`: one transition, now; a null status
  takes the agent off the list.
- `POST freeze`: no transition of its own accord any more; answers when the record says so.
"""

from __future__ import annotations

import ipaddress
from dataclasses import asdict
from typing import TypeVar

import msgspec
from aiohttp import web

from streamer.simulator.eight_by_eight import Status
from streamer.simulator.faults import parse_faults
from streamer.simulator.simulation import Simulation

T = TypeVar("T")


class SetFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /_simulator/faults`."""

    faults: str
    tenant: str | None = None


class SetStatus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /_simulator/set`."""

    tenant: str
    agent: str
    status: Status | None


class Control:
    """Handlers that steer and question a simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of all control endpoints."""
        return [
            web.get("/_simulator/tenants", self._tenants),
            web.get("/_simulator/agents", self._agents),
            web.get("/_simulator/stats", self._stats),
            web.post("/_simulator/faults", self._faults),
            web.post("/_simulator/set", self._set),
            web.post("/_simulator/freeze", self._freeze),
        ]

    async def _tenants(self, request: web.Request) -> web.Response:
        _require_loopback(request)
        counts = self._simulation.counts()
        return web.json_response({"tenants": [{"id": tenant, "agents": count} for tenant, count in counts.items()]})

    async def _agents(self, request: web.Request) -> web.Response:
        _require_loopback(request)
        tenant = request.query.get("tenant", "")
        self._require_tenant(tenant)
        agents = [{"listed": listed, "ids": msgspec.to_builtins(ids)} for ids, listed in self._simulation.ids(tenant)]
        return web.json_response({"agents": agents})

    async def _stats(self, request: web.Request) -> web.Response:
        _require_loopback(request)
        traffic = {tenant: asdict(of_tenant) for tenant, of_tenant in self._simulation.traffic.items()}
        return web.json_response({"tenants": traffic, "manners": asdict(self._simulation.manners)})

    async def _faults(self, request: web.Request) -> web.Response:
        wanted = await _body(request, SetFaults)
        if wanted.tenant is not None:
            self._require_tenant(wanted.tenant)
        try:
            faults = parse_faults(wanted.faults)
        except ValueError as error:
            raise _refused(400, str(error)) from error
        self._simulation.faults.replace(faults, tenant=wanted.tenant)
        return web.json_response({"faults": [msgspec.to_builtins(fault) for fault in faults]})

    async def _set(self, request: web.Request) -> web.Response:
        wanted = await _body(request, SetStatus)
        try:
            changed = await self._simulation.force(wanted.tenant, wanted.agent, wanted.status)
        except KeyError as error:
            raise _refused(404, f"tenant {wanted.tenant!r} has no agent {wanted.agent!r}") from error
        except ValueError as error:
            raise _refused(400, str(error)) from error
        return web.json_response({"changed": changed})

    async def _freeze(self, request: web.Request) -> web.Response:
        _require_loopback(request)
        self._simulation.freeze()
        return web.json_response({"frozen": True})

    def _require_tenant(self, tenant: str) -> None:
        if tenant not in self._simulation.traffic:
            raise _refused(404, f"there is no tenant {tenant!r}")


async def _body(request: web.Request, shape: type[T]) -> T:
    _require_loopback(request)
    try:
        return msgspec.json.decode(await request.read(), type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refused(400, f"the body is no {shape.__name__}: {error}") from error


def _require_loopback(request: web.Request) -> None:
    if not ipaddress.ip_address(request.remote or "0.0.0.0").is_loopback:  # noqa: S104
        raise _refused(403, "control endpoints answer on loopback only")


def _refused(status: int, message: str) -> web.HTTPException:
    kinds = {400: web.HTTPBadRequest, 403: web.HTTPForbidden, 404: web.HTTPNotFound}
    body = msgspec.json.encode({"error": message}).decode()
    return kinds[status](text=body, content_type="application/json")
