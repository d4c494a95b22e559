"""Serving the status page and its data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from typing import Final, TypeAlias

from aiohttp import web

API: Final = "/api/v1/tenants"

Status: TypeAlias = Callable[[], Awaitable[bytes]]
"""Returns the answer of `API` as it is now, JSON."""

INDEX: Final = "index.html"

TYPES: Final[Mapping[str, str]] = {
    INDEX: "text/html",
    "page.css": "text/css",
    "page.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
"""The page's files, all of them, and what they are."""

SAFE: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Nothing but the page's own files runs or is drawn, nobody else may frame it, and nothing is asked of anybody else."""


def status_routes(status: Status) -> list[web.RouteDef]:
    """Return the routes of the page and of its data."""

    async def tenants(_request: web.Request) -> web.Response:
        headers = {**SAFE, "Cache-Control": "no-store"}
        response = web.Response(body=await status(), content_type="application/json", headers=headers)
        response.enable_compression()
        return response

    return [
        web.get(API, tenants),
        web.get("/", _file(INDEX)),
        *(web.get(f"/page/{name}", _file(name)) for name in TYPES if name != INDEX),
    ]


def _file(name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return what serves a file of the page; it is read once, now."""
    body = files(__package__).joinpath("page", name).read_bytes()
    headers = {**SAFE, "Cache-Control": "no-cache"}

    async def serve(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=TYPES[name], charset="utf-8", headers=headers)

    return serve
