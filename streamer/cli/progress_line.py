"""The line that shows how far long work is: what, done of total, rate, time left. Drawn by rich, in a thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn
from rich.table import Column
from rich.text import Text

from streamer.service.restoring import Restoring
from streamer.signals import ReadAdvanced, Signal

if TYPE_CHECKING:
    from rich.progress import Task

SHOWN_AFTER: Final = 1.0
"""Seconds that work must take to be worth a line."""

_REFRESHED: Final = 4
_RATED_OVER: Final = 5.0
"""Seconds over which the rate is taken. Work that stands still for longer has none, and nobody knows how long it takes."""

_BAR: Final = 40
_WIDE: Final = 80
"""Columns that a terminal must have to show more than how much is done and how long the rest will take."""


def terminal(stream: TextIO) -> Console:
    """Return a terminal to draw on. What others write to it is left as long as it is: lines of a log are copied."""
    return Console(file=stream, soft_wrap=True, highlight=False)


class ProgressLine:
    """Draws one piece of work at a time. An instance is an `Observer`, to be called in an event loop."""

    def __init__(self, console: Console) -> None:
        """Take the terminal to draw on."""
        self._console = console
        self._restoring = Restoring()
        self._bar: Progress | None = None
        self._due: asyncio.TimerHandle | None = None

    def __call__(self, signal: Signal) -> None:
        """Take a signal."""
        if isinstance(signal, ReadAdvanced):
            over = signal.total is not None and signal.done >= signal.total
            self._advance(f"reading {signal.topic}", signal.done, signal.total, over=over)
        elif self._restoring(signal):
            work = self._restoring
            what = f"restoring {work.left} of {work.shards} shards"
            self._advance(what, work.done, work.total, over=work.left == 0)

    def end(self) -> None:
        """Take the line away."""
        if self._due is not None:
            self._due.cancel()
        if self._bar is not None:
            self._bar.stop()
        self._bar = self._due = None

    def _advance(self, what: str, done: int, total: int | None, *, over: bool) -> None:
        if over:
            self.end()
            return
        if self._bar is None:
            self._bar = _new_bar(self._console)
            self._due = asyncio.get_running_loop().call_later(SHOWN_AFTER, self._draw, self._bar)
        for task in self._bar.task_ids:
            self._bar.update(task, description=what, completed=done, total=total)

    def _draw(self, bar: Progress) -> None:
        bar.start()
        self._console.show_cursor()  # whoever is killed while it is hidden leaves a terminal without one


def _new_bar(console: Console) -> Progress:
    whole = Column(no_wrap=True)
    what, percent = TextColumn("{task.description}", markup=False, table_column=whole), TaskProgressColumn()
    bar = BarColumn(bar_width=None, table_column=Column(max_width=_BAR))
    wide = (what, bar, percent, _Count(whole), _Rate(whole), _Left(whole))
    progress = Progress(
        *(wide if console.width >= _WIDE else (what, percent, _Left(whole))),
        console=console,
        transient=True,
        redirect_stdout=False,  # that is for data, and may be no terminal
        refresh_per_second=_REFRESHED,
        speed_estimate_period=_RATED_OVER,
    )
    progress.add_task("", total=None)
    return progress


class _Count(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{task.completed:,.0f}/{task.total:,.0f}")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


class _Left(ProgressColumn):
    max_refresh = 0.5  # else the seconds jump

    def render(self, task: Task) -> Text:
        if task.time_remaining is None:
            return Text()
        minutes, seconds = divmod(int(task.time_remaining), 60)
        hours, minutes = divmod(minutes, 60)
        return Text(f"{hours}:{minutes:02d}:{seconds:02d} left" if hours else f"{minutes}:{seconds:02d} left")
