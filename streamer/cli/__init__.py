"""The commands, one file each. What takes long to import is imported by the command that needs it, when it runs."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn


def main() -> None:
    """Run the command that the process was called with; ends the process with its exit code.

    SIGTERM ends it from the beginning: the first process of a container would ignore it until the command's event loop
    takes it over, and be killed in the end.
    """
    signal.signal(signal.SIGTERM, _end)
    from streamer.cli.app import app  # noqa: PLC0415 - takes long, and is to be stopped too

    app(prog_name="streamer")


def _end(number: int, _frame: object) -> NoReturn:
    sys.exit(128 + number)  # what a shell says of a process that a signal ended
