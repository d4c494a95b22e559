"""The files that a config was read from: what they looked like when they were read, to be compared with what they do now."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

Look: TypeAlias = tuple[int, ...] | None
"""Device, inode, size and times of what a path leads to; None where it leads to nothing that can be seen."""


def look(path: Path) -> Look:
    """Look at a file or folder, symbolic links followed: a swapped link anywhere on the way shows as another inode.

    A folder's times change when an entry comes, goes or is renamed.
    """
    try:
        found = path.stat()
    except (OSError, ValueError):  # ValueError: a path with a NUL character
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class Files:
    """Files and folders, each as it looked just before it was read; so what changes while it is read shows later."""

    def __init__(self) -> None:
        self._seen: dict[Path, Look] = {}

    def note(self, path: Path) -> None:
        """Look at what is about to be read, or would be if it were there."""
        self._seen.setdefault(path, look(path))

    @property
    def seen(self) -> Mapping[Path, Look]:
        """What was noted."""
        return MappingProxyType(self._seen)

    def now(self) -> dict[Path, Look]:
        """Look at all of them again."""
        return {path: look(path) for path in self._seen}
