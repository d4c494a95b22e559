"""`streamer tail`: the events as they are committed."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from streamer.cli.options import ConfigOption, Output, OutputOption
from streamer.cli.running import run_until_stopped


def tail(
    *,
    config: ConfigOption,
    tenant: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this tenant's events; may be given several times.")
    ] = None,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Begin with the oldest event there is.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Follow the events until Ctrl-C. JSON: each event as one CloudEvents document (structured mode)."""
    from streamer.cli.opening import load_for_reading, opened  # noqa: PLC0415
    from streamer.cli.printing import EventPrinter  # noqa: PLC0415
    from streamer.events.record import EVENTS  # noqa: PLC0415

    loaded = load_for_reading(config)
    printer = EventPrinter(output=output, stream=sys.stdout, tenants=frozenset(tenant or ()))

    async def follow() -> None:
        async with opened(loaded) as store:
            async for record in store.read(EVENTS, follow=True, from_beginning=from_beginning):
                printer.show(record)

    run_until_stopped(follow)
