"""Descriptors, threads, memory and asyncio tasks of the replicas, watched from outside while they live."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple, Self

import psutil

EVERY = 1.0
SETTLED = 5.0
"""Seconds of a process's life after which it must have all that it needs."""

MEASURES = ("descriptors", "threads", "megabytes", "tasks")


class Vital(NamedTuple):
    """One look at one process, so many seconds old."""

    at: float
    age: float
    descriptors: int
    threads: int
    megabytes: float
    tasks: int


class Watched(NamedTuple):
    """A process, and the file in which it writes down how many tasks it has."""

    pid: int
    tasks: Path


class Vitals:
    """A thread that looks at processes every now and then, while entered."""

    def __init__(self, processes: Callable[[], Iterable[Watched]]) -> None:
        """Take what tells which processes there are."""
        self.seen: list[Vital] = []
        self._processes = processes
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vitals", daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(EVERY):
            for watched in self._processes():
                with suppress(psutil.Error, OSError, ValueError):
                    self.seen.append(_look(watched))


def thirds(seen: Sequence[Vital]) -> Mapping[str, tuple[float, float]]:
    """Return each measure's median in the first and in the last third of the time, of processes that had settled."""
    settled = [vital for vital in seen if vital.age >= SETTLED]
    if not settled:
        return {}
    began, ended = settled[0].at, settled[-1].at
    third = (ended - began) / 3
    first = [vital for vital in settled if vital.at <= began + third]
    last = [vital for vital in settled if vital.at >= ended - third]
    return {
        name: (_middle(getattr(each, name) for each in first), _middle(getattr(each, name) for each in last))
        for name in MEASURES
    }


def _middle(values: Iterable[float]) -> float:
    return round(median(values), 1)


def _look(watched: Watched) -> Vital:
    process = psutil.Process(watched.pid)
    with process.oneshot():
        return Vital(
            at=time.monotonic(),
            age=time.time() - process.create_time(),
            descriptors=process.num_fds(),
            threads=process.num_threads(),
            megabytes=process.memory_info().rss / 2**20,
            tasks=int(watched.tasks.read_text()),
        )
