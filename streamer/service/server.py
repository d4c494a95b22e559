"""The service's own HTTP server: metrics, the two probes of Kubernetes, and the status page with its data.

It answers nothing about single agents, unless the config has `server.show_agents`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Self, TypeAlias

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from streamer.service.status.routes import Status, status_routes

if TYPE_CHECKING:
    from types import TracebackType

    from prometheus_client import CollectorRegistry

Unready: TypeAlias = Callable[[], Mapping[str, str]]
"""What of this process is not ready to serve (`shard 3`), and why. Empty: ready. A vendor's outage is not among it."""

SHUTDOWN_SECONDS: Final = 1.0
"""How long a request under way may go on when the server stops."""


class AdminServer:
    """Serves while entered: `async with AdminServer(...) as server: ... server.port`.

    Entering raises `OSError` when the address can't be listened on.
    """

    def __init__(self, *, host: str, port: int, registry: CollectorRegistry, unready: Unready, status: Status) -> None:
        """Take where to listen (port 0: a free one), what to show, and whom to ask for readiness and tenants."""
        self._address = (host, port)
        self._runner = web.AppRunner(
            create_app(registry=registry, unready=unready, status=status),
            access_log=None,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )

    @property
    def port(self) -> int:
        """The port that is listened on; known once entered."""
        port: int = self._runner.addresses[0][1]
        return port

    async def __aenter__(self) -> Self:
        """Start listening."""
        host, port = self._address
        try:
            await self._runner.setup()
            await web.TCPSite(self._runner, host, port).start()
        except BaseException:
            await self._runner.cleanup()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening; requests under way get `SHUTDOWN_SECONDS`."""
        await self._runner.cleanup()


def create_app(*, registry: CollectorRegistry, unready: Unready, status: Status) -> web.Application:
    """Return the web application of `AdminServer`."""

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        # Thousands of tenants make megabytes of text: written in a thread, so that polling goes on meanwhile.
        body = await asyncio.to_thread(encode, registry)
        response = web.Response(body=body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})
        response.enable_compression()
        return response

    async def live(_request: web.Request) -> web.Response:
        return _text("ok\n")  # that the event loop came round to this is the answer

    async def ready(_request: web.Request) -> web.Response:
        missing = unready()
        if not missing:
            return _text("ok\n")
        return _text("".join(f"{what}: {why}\n" for what, why in sorted(missing.items())), status=503)

    app = web.Application()
    app.router.add_routes([web.get("/metrics", metrics), web.get("/livez", live), web.get("/readyz", ready)])
    app.router.add_routes(status_routes(status))
    return app


def _text(body: str, *, status: int = 200) -> web.Response:
    return web.Response(text=body, status=status, headers={"Cache-Control": "no-store"})
