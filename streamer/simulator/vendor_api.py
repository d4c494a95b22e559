"""The HTTP side of all vendor APIs: who asks, the right answer, and every fault."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus

import msgspec
from aiohttp import web

from streamer.simulator.api import Api, Content, Question, Refused
from streamer.simulator.faults import LAGGING, LAGGING_SILENTLY, STUCK, TORN, Call, Fault
from streamer.simulator.simulation import Simulation, Traffic

CLIENT = "client"
"""The part of a path that names who asks, where a client says so."""


class RequestLine(msgspec.Struct, frozen=True):
    """One request for a tenant's data: `at` and `until` in ms since the epoch; status 0: the client went away."""

    at: int
    until: int
    tenant: str
    client: str
    status: int


class VendorApi:
    """Answers as the vendor of `source` does, unless a fault strikes."""

    def __init__(self, simulation: Simulation, source: str) -> None:
        self._simulation = simulation
        self._source = source
        self._api: Api = simulation.apis[source]

    def routes(self) -> list[web.RouteDef]:
        """Return the vendor's routes."""
        return [web.get(path, self._answer, allow_head=False) for path in self._api.paths]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        at = self._simulation.refresh()
        tenant = self._api.caller(request, at)
        self._inspect_cookies(request, tenant)
        traffic = self._simulation.traffic.get(tenant or "")
        if tenant is None or traffic is None:
            self._simulation.manners.unauthorized += 1
            return _error(self._api.unauthorized)
        traffic.requests += 1
        traffic.in_flight += 1
        traffic.max_in_flight = max(traffic.max_in_flight, traffic.in_flight)
        status = 0
        try:
            response = await self._authorized_answer(request, tenant, traffic)
            status = response.status
        except Refused as refused:
            status = refused.status
            return _error(refused)
        finally:
            traffic.in_flight -= 1
            until, client = self._simulation.refresh(), request.match_info.get(CLIENT, "")
            self._simulation.requests.write(RequestLine(at, until, tenant, client, status))
        traffic.not_modified += response.status == HTTPStatus.NOT_MODIFIED
        return response

    async def _authorized_answer(self, request: web.Request, tenant: str, traffic: Traffic) -> web.StreamResponse:
        fault, dice = self._simulation.faults.draw(tenant, traffic.requests, source=self._source)
        now = self._simulation.refresh()
        seen = now if fault is None else self._seen_at(now, fault)
        question = Question(
            request=request,
            tenant=tenant,
            at=seen,
            up_to=now if fault is not None and fault.name == LAGGING_SILENTLY else seen,
            stuck=fault is not None and fault.name == STUCK,
            stir=partial(self._simulation.stir, tenant, dice) if fault is not None and fault.name == TORN else None,
        )
        content: Content = await self._api.content(question)
        if content.refreshed is not None:
            traffic.from_cache(now, content.refreshed)
        call = Call(
            request=request,
            content=content,
            tenant=tenant,
            argument="" if fault is None else fault.argument,
            dice=dice,
            settings=self._simulation.settings,
        )
        if fault is None:
            return call.ok()
        traffic.faults[fault.name] = traffic.faults.get(fault.name, 0) + 1
        return await fault.kind.answer(call)

    def _seen_at(self, now: int, fault: Fault) -> int:
        lags = fault.name in (LAGGING, LAGGING_SILENTLY)
        return max(self._simulation.start, now - round(float(fault.argument) * 1000)) if lags else now

    def _inspect_cookies(self, request: web.Request, tenant: str | None) -> None:
        self._simulation.manners.cookies += len(request.cookies)
        self._simulation.manners.foreign_cookies += request.cookies.get("session", tenant) != tenant


class Traps:
    """Places that only faults lead to: no good client ever comes here."""

    def __init__(self, simulation: Simulation) -> None:
        self._manners = simulation.manners

    def routes(self) -> list[web.RouteDef]:
        """Return where redirects and external entities lead."""
        return [web.get("/_simulator/elsewhere", self._elsewhere), web.get("/_simulator/entity", self._entity)]

    async def _elsewhere(self, request: web.Request) -> web.Response:
        self._manners.redirects_followed += 1
        self._manners.redirected_credentials += "Authorization" in request.headers
        return _error(Refused(HTTPStatus.FORBIDDEN, "Forbidden"))

    async def _entity(self, _request: web.Request) -> web.Response:
        self._manners.entities_fetched += 1
        return web.Response(text="fetched")


def _error(refused: Refused) -> web.Response:
    body = {"status": int(refused.status), "message": refused.message}
    return web.json_response(body, status=refused.status, headers=refused.headers)
