"""Records as JSON lines: of what truly happened, and of who asked."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Lines:
    """Writes JSON lines to `path`, which is started anew; a null path records nothing.

    Each line is handed to the operating system before the call returns: no answer shows a change that is not yet
    recorded, and killing the simulator loses no line.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else path.open("wb", buffering=0)

    def write(self, line: msgspec.Struct) -> None:
        """Record one line; raises `OSError` when that fails."""
        if self._file is not None:
            self._file.write(msgspec.json.encode(line) + b"\n")

    def close(self) -> None:
        """End the record; nothing can be written after that."""
        if self._file is not None:
            self._file.close()
