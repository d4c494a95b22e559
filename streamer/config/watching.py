"""Watching the files of a config: a change is read once it has settled, and is good as a whole or not at all.

The files are looked at once a second rather than subscribed to: that works on every file system, network and overlay
ones included, and for every way to change a file: written over, renamed over, a folder's entry, the swapped link of
a Kubernetes ConfigMap or Secret, gone for a moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from msgspec import Struct
from pydantic import BaseModel

from streamer.config.files import Files, Look
from streamer.config.model import Config
from streamer.config.problems import ConfigError, Problem
from streamer.config.secrets import FileSecret

LOOK_EVERY: Final = 1.0
"""Seconds between two looks. A change has settled when two looks in a row see the same."""

MOST_LOOKS: Final = 3
"""Looks after which a change is read even if the files go on changing."""

AGAIN_AFTER: Final = 30
"""Looks after which files that were refused are read again: what was wrong may show in none of them."""


class Loaded(Struct, frozen=True):
    """A config that was read whole. `touched`: ids of the tenants whose secrets lie in files that are others now."""

    config: Config
    touched: frozenset[str] = frozenset()


class Refused(Struct, frozen=True):
    """Files that hold no config that can be used, and why. `asked`: somebody waits for an answer."""

    error: ConfigError
    asked: bool = False


Change: TypeAlias = Loaded | Refused

Load: TypeAlias = Callable[[Path, Files], Config]
"""Reads the config at a path, notes each file before it is read, and raises ConfigError where it can't be used."""


class Watcher:
    """Reads a config, and reads it again whenever one of its files has changed, or when asked to."""

    def __init__(self, path: Path, *, load: Load, every: float = LOOK_EVERY) -> None:
        """Take the config file; `every` is the seconds between two looks."""
        self._path = path
        self._load = load
        self._every = every
        self._asked = asyncio.Event()
        self._read = Files()
        self._in_use: Mapping[Path, Look] = {}

    def first(self) -> Config:
        """Read the config to begin with.

        Raises:
            ConfigError: it can't be used.

        """
        config = self._load(self._path, self._read)
        self._in_use = self._read.seen
        return config

    def ask(self) -> None:
        """Have the config read at once, whether its files changed or not. May be called from a signal's handler."""
        self._asked.set()

    async def changes(self) -> AsyncIterator[Change]:
        """Yield what the files hold each time that it was read again."""
        refused = False
        before, looks, other = self._read.seen, 0, 0
        while True:
            asked = await self._wait()
            now = await asyncio.to_thread(self._read.now)
            looks, other = looks + 1, other + 1 if now != self._read.seen else 0
            settled = other > 0 and (now == before or other >= MOST_LOOKS)
            before = now
            if asked or settled or (refused and looks >= AGAIN_AFTER):
                change = await asyncio.to_thread(self._again, asked=asked)
                refused = isinstance(change, Refused)
                yield change
                before, looks, other = self._read.seen, 0, 0

    async def _wait(self) -> bool:
        """Wait for the next look; True as soon as it is asked for."""
        try:
            async with asyncio.timeout(self._every):
                await self._asked.wait()
        except TimeoutError:
            return False
        self._asked.clear()
        return True

    def _again(self, *, asked: bool) -> Change:
        """Read the config again. What goes wrong is told and never raised: the config in use stays."""
        self._read = Files()
        try:
            config = self._load(self._path, self._read)
        except ConfigError as error:
            return Refused(error, asked=asked)
        except Exception as error:  # noqa: BLE001 - a fault of ours; it must not end the service
            message = f"can't be read by a fault of ours, {type(error).__name__} — please report it"
            return Refused(ConfigError(Problem(file=self._path, message=message)), asked=asked)
        other = {path for path, seen in self._read.seen.items() if seen != self._in_use.get(path, seen)}
        self._in_use = self._read.seen
        touched = (each.id for each in config.tenants if not other.isdisjoint(_secret_files(each)))
        return Loaded(config, frozenset(touched))


def _secret_files(model: BaseModel) -> Iterator[Path]:
    """Yield the files that hold a model's secrets."""
    for _, value in model:
        if isinstance(value, FileSecret):
            yield value.path
        elif isinstance(value, BaseModel):
            yield from _secret_files(value)
