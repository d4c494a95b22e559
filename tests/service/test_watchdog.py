"""A process whose event loop stands still, and processes whose loop does not."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from streamer.service.watchdog import SOFTWARE
from tests.support.broker import ROOT

SCRIPT = """
import asyncio, time
from streamer.service.watchdog import watching_loop

async def work():
    with watching_loop(tick=0.1, limit=10):
        print("begun", flush=True)
        {what}

asyncio.run(work())
"""
FROZEN_FOR = 3.0


def started(what: str) -> subprocess.Popen[str]:
    """Start a process that watches its loop and does something; it may stand still for one second."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(what=what)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def test_a_loop_that_stands_still_ends_the_process_and_shows_where() -> None:
    """It can't answer signals or probes any more; the traceback holds no values."""
    process = started('time.sleep(60) or "secret"')
    _, said = process.communicate(timeout=90)
    assert process.returncode == SOFTWARE
    assert "the event loop stands still for 1 s" in said
    assert "in work" in said
    assert "secret" not in said


def test_a_process_that_was_frozen_is_not_taken_for_one_that_stands_still() -> None:
    """It comes back with its tasks late and its shards lost, which the group tells it."""
    process = started("await asyncio.sleep(4)")
    process.send_signal(signal.SIGSTOP)
    time.sleep(FROZEN_FOR)
    process.send_signal(signal.SIGCONT)
    _, said = process.communicate(timeout=90)
    assert (process.returncode, said) == (0, "")


def test_a_busy_loop_that_comes_round_now_and_then_goes_on() -> None:
    """Each block is far below the limit."""
    process = started("[(time.sleep(0.2), await asyncio.sleep(0)) for _ in range(10)]")
    _, said = process.communicate(timeout=90)
    assert (process.returncode, said) == (0, "")
