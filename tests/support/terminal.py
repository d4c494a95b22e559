"""A terminal for programs to write on: a real one to them (a pty), with a screen that tests look at."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING, Any, Self

import pyte

from tests.support.broker import ROOT
from tests.support.programs import WITHIN

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence


class Terminal:
    """A program at a terminal. What it says is interpreted as xterm does, `raw` has it as it came."""

    def __init__(
        self,
        *command: str,
        environment: Mapping[str, str] | None = None,
        size: tuple[int, int] = (50, 100),
        stdout: Any = None,
    ) -> None:
        """Take the command, what its environment has beside ours, lines and columns; `stdout` is a file in its place."""
        self.raw = b""
        lines, columns = size
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        ignored = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
        inherited = {name: value for name, value in os.environ.items() if name not in ignored}
        self._process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs if stdout is None else stdout,
            stderr=theirs,
            cwd=ROOT,
            env={**inherited, "TERM": "xterm", **(environment or {})},
        )
        os.close(theirs)

    @property
    def lines(self) -> Sequence[str]:
        """What stands on the screen now, without the empty lines at its end."""
        self._read()
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip().split("\n")

    @property
    def cursor_hidden(self) -> bool:
        """Whether the program has taken the cursor away."""
        self._read()
        return bool(self._screen.cursor.hidden)

    def line(self, pattern: str) -> str:
        """Return the line on the screen that matches, "" if there is none."""
        return next((line for line in self.lines if re.search(pattern, line)), "")

    def await_line(self, pattern: str, *, within: float = WITHIN) -> str:
        """Wait until a line on the screen matches, and return it."""
        deadline = time.monotonic() + within
        while not (found := self.line(pattern)):
            assert time.monotonic() < deadline, f"{pattern} is not on the screen:\n" + "\n".join(self.lines)
            assert self.running, f"it ended with {self._process.returncode}:\n" + "\n".join(self.lines)
        return found

    def await_no_line(self, pattern: str, *, within: float = WITHIN) -> None:
        """Wait until no line on the screen matches."""
        deadline = time.monotonic() + within
        while self.line(pattern):
            assert time.monotonic() < deadline, f"{pattern} stays on the screen:\n" + "\n".join(self.lines)

    @property
    def running(self) -> bool:
        """Whether the program is there."""
        return self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait(self, within: float = WITHIN) -> int:
        """Wait until it ends by itself; return the exit code."""
        deadline = time.monotonic() + within
        while self.running:
            assert time.monotonic() < deadline, "it does not end:\n" + "\n".join(self.lines)
            self._read()
        self._read()
        return self._process.wait()

    def __enter__(self) -> Self:
        """It runs already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Make sure that it is gone."""
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def _read(self) -> None:
        """Take what it said since, waiting for it a moment."""
        wait = 0.02
        while select.select([self._ours], [], [], wait)[0]:
            try:
                said = os.read(self._ours, 65_536)
            except OSError:  # Linux's way to say that nobody holds the other end
                time.sleep(wait)
                return
            self.raw += said
            self._stream.feed(said)
            wait = 0.0
