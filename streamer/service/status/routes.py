"""Serving the status page and its data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from aiohttp import web

API: Final = "/api/v1/tenants"

Status: TypeAlias = Callable[[], Awaitable[bytes]]
"""Returns the answer of `API` as it is now, JSON."""


def status_routes(status: Status) -> list[web.RouteDef]:
    """Return the routes of the page and of its data."""

    async def tenants(_request: web.Request) -> web.Response:
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        response = web.Response(body=await status(), content_type="application/json", headers=headers)
        response.enable_compression()
        return response

    return [web.get(API, tenants)]
