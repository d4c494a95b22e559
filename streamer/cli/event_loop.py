"""Which event loop the service runs on: uvloop's where it is installed, else asyncio's own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Final, TypeAlias

import typer

MakeLoop: TypeAlias = Callable[[], asyncio.AbstractEventLoop]

VARIABLE: Final = "STREAMER_EVENT_LOOP"
"""The environment variable that names the loop wanted: `asyncio` or `uvloop`."""

_INSTALL: Final = "pip install agent-status-streamer[uvloop]"


def event_loop() -> tuple[str, MakeLoop]:
    """Return the name of the event loop to run on, and what makes it.

    Raises:
        typer.BadParameter: the environment names one that there is not.

    """
    installed = find_spec("uvloop") is not None
    wanted = os.environ.get(VARIABLE) or ("uvloop" if installed else "asyncio")
    if wanted == "asyncio":
        return wanted, asyncio.new_event_loop
    if wanted != "uvloop":
        raise typer.BadParameter(f"{VARIABLE} is {wanted!r}: set it to asyncio or uvloop, or not at all")
    if not installed:
        raise typer.BadParameter(f"{VARIABLE} asks for uvloop, which is not installed: {_INSTALL}")
    import uvloop  # noqa: PLC0415 - it may not be there

    return wanted, uvloop.new_event_loop
