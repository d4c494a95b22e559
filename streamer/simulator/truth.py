"""The record of what truly happened, against which the product's events are judged."""

from __future__ import annotations

from pathlib import Path

import msgspec

from streamer.simulator.eight_by_eight import Status


class TruthLine(msgspec.Struct, frozen=True):
    """One true change: `at` in ms since the epoch; `status` is null when the agent left the list."""

    at: int
    tenant: str
    agent: str
    present: bool
    status: Status | None


class FrozenLine(msgspec.Struct, frozen=True):
    """From `at` on nothing more happens of its own accord."""

    at: int
    frozen: bool = True


class Truth:
    """Writes JSON lines to `path`, which is started anew; a null path records nothing.

    Each line is handed to the operating system before the call returns, so no answer shows a change that is not yet
    recorded, and killing the simulator loses none.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else path.open("wb", buffering=0)

    def write(self, line: TruthLine | FrozenLine) -> None:
        """Record one line; raises `OSError` when that fails."""
        if self._file is not None:
            self._file.write(msgspec.json.encode(line) + b"\n")

    def close(self) -> None:
        """End the record; nothing can be written after that."""
        if self._file is not None:
            self._file.close()
