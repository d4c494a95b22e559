"""`streamer tail`: the events as they are committed."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import nullcontext
from typing import Annotated

import typer

from streamer.cli.options import ConfigOption, Output, OutputOption, tenants_in_config
from streamer.cli.running import run_until_stopped


def tail(
    *,
    config: ConfigOption,
    tenant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            help="Only this tenant's events; may be given several times.",
            autocompletion=tenants_in_config,
        ),
    ] = None,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Begin with the oldest event there is.")
    ] = False,
    queues: Annotated[bool, typer.Option("--queues", help="The rows of queues instead of agents' events.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Follow the events until Ctrl-C. JSON: each as one CloudEvents document (structured mode).

    Where stdout is a file, a terminal on stderr shows how much of what there was is read.
    """
    from streamer.cli.opening import load_for_reading, opened  # noqa: PLC0415
    from streamer.cli.printing import EventPrinter  # noqa: PLC0415
    from streamer.cli.progress import progress  # noqa: PLC0415
    from streamer.cli.text import event_text, queue_row_text  # noqa: PLC0415
    from streamer.events.record import EVENTS, QUEUES  # noqa: PLC0415

    loaded = load_for_reading(config)
    topic, text = (QUEUES, queue_row_text) if queues else (EVENTS, event_text)
    printer = EventPrinter(output=output, stream=sys.stdout, tenants=frozenset(tenant or ()), text=text)

    async def follow() -> None:
        with progress() if _into_file() else nullcontext() as observer:
            async with opened(loaded) as store:
                async for record in store.read(topic, follow=True, from_beginning=from_beginning, observer=observer):
                    if topic == EVENTS or record.value is not None:  # a queue that is gone has nothing to show
                        printer.show(record)

    run_until_stopped(follow)


def _into_file() -> bool:
    """Whether stdout is a file: a terminal shows the events themselves, and what reads a pipe may draw on the terminal."""
    return stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode)
