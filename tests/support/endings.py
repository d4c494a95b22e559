"""Waiting for processes of somebody else's to end."""

from __future__ import annotations

import time

import psutil


def wait_until_ended(pid: int, *, within: float = 20.0) -> None:
    """Wait until a process has ended, whether or not its parent has noticed; `within` is in seconds.

    Raises:
        TimeoutError: it is still running.

    """
    deadline = time.monotonic() + within
    while _runs(pid):
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {pid} still runs after {within:.0f} s")
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    # an orphan stays a zombie for as long as its container's first process does not look
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
