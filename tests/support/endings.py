"""How processes end: somebody else's are waited for, and a test's own end with it."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import psutil

# Waits on a pipe that only the starting process holds open: whatever ends that process, its child goes with it, and its
# data too. (PR_SET_PDEATHSIG would be tied to the thread that started the child.)
_WATCH = 'read -r _; kill -9 "$1" 2>/dev/null; rm -rf "$2"'


def wait_until_ended(pid: int, *, within: float = 60.0) -> None:
    """Wait until a process has ended, whether or not its parent has noticed; `within` is in seconds.

    Raises:
        TimeoutError: it is still running.

    """
    deadline = time.monotonic() + within
    while _runs(pid):
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {pid} still runs after {within:.0f} s")
        time.sleep(0.02)


class Tied:
    """A process that this one started, and that is ended if this one ends without a word; its data is deleted then."""

    def __init__(self, process: subprocess.Popen[bytes], *, folder: Path) -> None:
        """Take the process and the folder of its data."""
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "watch", str(process.pid), str(folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def untie(self) -> None:
        """The process has ended, and the data is still wanted."""
        self._watcher.kill()
        self._watcher.communicate()


def _runs(pid: int) -> bool:
    # an orphan stays a zombie for as long as its container's first process does not look
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
