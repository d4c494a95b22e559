"""`streamer run`: the service."""

from __future__ import annotations

import asyncio
import signal

from streamer.cli.event_loop import event_loop
from streamer.cli.options import ConfigOption
from streamer.cli.running import run_until_stopped


def run(config: ConfigOption) -> None:
    """Poll all tenants of the config and publish their changes, until SIGTERM or Ctrl-C.

    A changed config takes effect within 5 s; SIGHUP has it read at once. One that can't be used is refused whole.

    Logs go to stderr: JSON lines, or readable ones at a terminal, which also shows how far a long restoration is.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the config is about to be read anyway; unhandled it would end us
    import structlog  # noqa: PLC0415

    from streamer.cli.opening import load_for_running  # noqa: PLC0415
    from streamer.cli.progress import progress, stderr  # noqa: PLC0415
    from streamer.clock import SystemClock  # noqa: PLC0415
    from streamer.config.watching import Watcher  # noqa: PLC0415
    from streamer.service.app import Service  # noqa: PLC0415
    from streamer.service.logs import configure_logging  # noqa: PLC0415
    from streamer.service.watchdog import watching_loop  # noqa: PLC0415
    from streamer.store import open_store  # noqa: PLC0415

    loop, make_loop = event_loop()
    clock = SystemClock()
    configure_logging(stream=stderr(), clock=clock)
    log = structlog.get_logger(__name__)
    watcher = Watcher(config, load=load_for_running)
    loaded = watcher.first()

    async def serve() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, watcher.ask)
        tenants, store = len(loaded.tenants), loaded.store.kind

        def started(port: int) -> None:
            log.info("service is starting", port=port, tenants=tenants, store=store, loop=loop)

        with watching_loop(), progress() as observer:
            watched = [] if observer is None else [observer]
            service = Service(loaded, store=open_store(loaded, clock=clock), clock=clock, observers=watched)
            await service.run(started, changes=watcher.changes)

    run_until_stopped(serve, make_loop=make_loop)
    log.info("service has stopped")
