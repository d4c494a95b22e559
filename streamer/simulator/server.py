"""Serving a simulation over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from email.utils import formatdate
from types import TracebackType
from typing import Self

from aiohttp import web

from streamer.simulator.control import Control
from streamer.simulator.oauth import TokenEndpoint
from streamer.simulator.settings import SimulatorSettings
from streamer.simulator.simulation import Simulation
from streamer.simulator.vendor_api import CLIENT, Traps, VendorApi

AS_CLIENT = f"/_client/{{{CLIENT}}}"
"""What a client may put before every path of the vendor so that the record of requests tells it from others."""

TICK_SECONDS = 0.1
"""How late, at most, a transition is recorded that no request asks for."""


def create_app(simulation: Simulation) -> web.Application:
    """The web application of `simulation`, which it keeps moving while it runs and closes when it ends."""

    async def keep_moving(_app: web.Application) -> AsyncIterator[None]:
        ticker = asyncio.create_task(_tick(simulation), name="simulator ticker")
        try:
            yield
        finally:
            ticker.cancel()
            try:
                with contextlib.suppress(asyncio.CancelledError):
                    await ticker
            finally:
                simulation.close()

    async def date(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(simulation.vendor_clock(), usegmt=True)

    vendor = [route for source in simulation.apis for route in VendorApi(simulation, source).routes()]
    vendor += TokenEndpoint(simulation, simulation.settings).routes()
    as_client = [web.route(each.method, AS_CLIENT + each.path, each.handler, **each.kwargs) for each in vendor]
    app = web.Application()
    app.router.add_routes([*vendor, *as_client, *Traps(simulation).routes(), *Control(simulation).routes()])
    app.on_response_prepare.append(date)
    app.cleanup_ctx.append(keep_moving)
    return app


class SimulatorServer:
    """A simulator that listens while entered: `async with SimulatorServer(settings) as simulator: ...`.

    `base_url` is where it listens, `simulation` what it serves. Entering raises `OSError` when the port
    is taken or the truth file cannot be written, leaving raises what stopped the simulation meanwhile, if anything.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        self._settings = settings
        self._runner: web.AppRunner | None = None
        self.simulation: Simulation
        self.base_url: str

    async def __aenter__(self) -> Self:
        self.simulation = Simulation(self._settings)
        self._runner = web.AppRunner(
            create_app(self.simulation), access_log=None, handler_cancellation=True, shutdown_timeout=0.5
        )
        try:
            await self._runner.setup()
            site = web.TCPSite(self._runner, self._settings.host, self._settings.port)
            await site.start()
        except BaseException:
            await self._runner.cleanup()
            raise
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()


async def _tick(simulation: Simulation) -> None:
    while True:
        simulation.refresh()
        await asyncio.sleep(TICK_SECONDS)
