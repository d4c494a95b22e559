"""The record of what truly happened, against which the product's events are judged."""

from __future__ import annotations

from pathlib import Path

import msgspec

from streamer.simulator.activity import Activity
from streamer.simulator.eight_by_eight import Status
from streamer.simulator.identity import Ids


class TruthLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One true change: `at` in ms since the epoch; `status` and `activity` are null when the agent left the list.

    `agent` and `status` are 8x8's (agent status API), `activity` is no vendor's; what each vendor shows of them says
    `streamer.simulator.witness`. `ids` stands in the agent's first line alone.
    """

    at: int
    tenant: str
    agent: str
    present: bool
    status: Status | None
    activity: Activity | None
    ids: Ids | None = None


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
