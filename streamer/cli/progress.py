"""How far long work is, at a terminal: a line on stderr that is redrawn in its place, and gone when the work is done."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamer.signals import Observer


@contextmanager
def progress() -> Iterator[Observer | None]:
    """While entered, show what the observer is told; None where nobody looks.

    That is where stderr is no terminal, or one that can't move its cursor (`TERM=dumb`).
    """
    if not sys.stderr.isatty():
        yield None
        return
    from streamer.cli.progress_line import ProgressLine, terminal  # noqa: PLC0415 - only terminals need it

    console = terminal(sys.stderr)
    if not console.is_interactive:
        yield None
        return
    line = ProgressLine(console)
    try:
        yield line
    finally:
        line.end()


def stderr() -> TextIO:
    """Return stderr as it is whenever something is written: above the line, while there is one."""
    return cast("TextIO", _Stderr())


class _Stderr:
    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)
