"""The ways in which people and programs change files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

Way = Callable[[Path, str], None]
"""Gives a file that is there another content."""


def written_over(file: Path, content: str) -> None:
    """As `cat > file` does."""
    file.write_text(content)


def written_in_halves(file: Path, content: str) -> None:
    """As a slow writer does: whoever looks in between sees the first half."""
    half = len(content) // 2
    with file.open("w") as stream:
        stream.write(content[:half])
        stream.flush()
        os.fsync(stream.fileno())
        stream.write(content[half:])


def renamed_over(file: Path, content: str) -> None:
    """As editors and config management do."""
    fresh = file.with_suffix(".new")
    fresh.write_text(content)
    fresh.replace(file)


def deleted_and_made_anew(file: Path, content: str) -> None:
    """As some editors do."""
    file.unlink()
    file.write_text(content)


def written_over_with_its_time_set_back(file: Path, content: str) -> None:
    """As `rsync --times` may do."""
    before = file.stat()
    file.write_text(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


WAYS: Final[Sequence[Way]] = (
    written_over,
    written_in_halves,
    renamed_over,
    deleted_and_made_anew,
    written_over_with_its_time_set_back,
)


class Volume:
    """A folder as the kubelet makes it of a ConfigMap or Secret: its files lead through a link that is swapped."""

    def __init__(self, folder: Path) -> None:
        """Make it, empty."""
        self.folder = folder
        self._count = 0
        folder.mkdir()

    def swap(self, files: Mapping[str, str]) -> None:
        """Bring new contents as the kubelet does: https://pkg.go.dev/k8s.io/kubernetes/pkg/volume/util#AtomicWriter."""
        self._count += 1
        version = self.folder / f"..2026_11_21_{self._count}"
        version.mkdir()
        for name, content in files.items():
            version.joinpath(name).write_text(content)
        data = self.folder / "..data"
        old = data.resolve() if data.is_symlink() else None
        fresh = self.folder / "..data_tmp"
        fresh.symlink_to(version.name)
        fresh.replace(data)
        for name in files:
            link = self.folder / name
            if not link.is_symlink():
                link.symlink_to(f"..data/{name}")
        for link in self.folder.iterdir():
            if not link.name.startswith("..") and link.name not in files:
                link.unlink()
        if old is not None:
            shutil.rmtree(old)
