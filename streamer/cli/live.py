"""What the demo shows: a live table on a terminal, else the events line by line."""

from __future__ import annotations

from collections import Counter, deque
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TextIO

import orjson
from rich.box import SIMPLE
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from streamer.cli.endings import say
from streamer.cli.options import Output
from streamer.cli.printing import EventPrinter
from streamer.cli.text import printable, status_text
from streamer.model import STATES
from streamer.signals import AgentsCounted, HealthChanged, Signal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from streamer.events.record import Stored

NEWEST: Final = 12
"""Changes shown below the table."""


class View(Protocol):
    """Shows the events of a demo, and may look at the service's signals."""

    def show(self, record: Stored) -> None:
        """Take an event as the consumer read it."""

    def observe(self, signal: Signal) -> None:
        """Take a signal of the service."""

    def say(self, line: str) -> None:
        """Tell people something, where it disturbs nothing else."""


def make_view(*, output: Output, stream: TextIO, tenants: Sequence[str]) -> AbstractContextManager[View]:
    """Return the view to enter: the table only where `stream` is a terminal and no JSON is wanted."""
    if output is Output.TABLE and stream.isatty():
        return LiveView(stream=stream, tenants=tenants)
    return nullcontext(LineView(EventPrinter(output=output, stream=stream)))


class LineView:
    """Prints events and nothing else."""

    def __init__(self, printer: EventPrinter) -> None:
        """Take what prints."""
        self.show = printer.show

    def observe(self, signal: Signal) -> None:
        """Pass over: the events say it all."""

    def say(self, line: str) -> None:
        """Tell it on stderr: stdout is for events."""
        say(line)


class LiveView:
    """Draws tenants by state, and the newest changes. The table is redrawn four times a second by a thread of rich's."""

    def __init__(self, *, stream: TextIO, tenants: Sequence[str]) -> None:
        """Begin with tenants of which nothing is known."""
        self._tenants = tenants
        self._counts: dict[str, AgentsCounted] = {}
        self._health: dict[str, str] = {}
        self._events: Counter[str] = Counter()
        self._newest: deque[dict[str, Any]] = deque(maxlen=NEWEST)
        self._live = Live(console=Console(file=stream), get_renderable=self._draw, refresh_per_second=4)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Draw the last state and leave it standing."""
        self._live.stop()

    def show(self, record: Stored) -> None:
        """Take an event."""
        event = orjson.loads(record.value or b"{}")
        self._events[event["tenant"]] += 1
        self._newest.appendleft(event)

    def observe(self, signal: Signal) -> None:
        """Take a signal."""
        match signal:
            case AgentsCounted(tenant=tenant):
                self._counts[tenant] = signal
            case HealthChanged(tenant=tenant, health=health):
                self._health[tenant] = health
            case _:
                pass

    def say(self, line: str) -> None:
        """Print it above the table."""
        self._live.console.print(escape(f"streamer: {line}"), highlight=False, soft_wrap=True)

    def _draw(self) -> Group:
        return Group(self._tenants_table(), self._changes_table())

    def _tenants_table(self) -> Table:
        table = Table(title="agents by state", expand=True, box=SIMPLE)
        table.add_column("tenant", no_wrap=True)
        table.add_column("health", no_wrap=True)
        for heading in (*STATES, "events"):
            table.add_column(heading.replace("_", " "), justify="right")
        for tenant in self._tenants:
            counted = self._counts.get(tenant)
            by_state = {} if counted is None else counted.by_state
            numbers = [str(by_state.get(state, 0) or "") for state in STATES]
            table.add_row(tenant, self._health.get(tenant, "-"), *numbers, str(self._events[tenant]))
        return table

    def _changes_table(self) -> Table:
        table = Table(title="newest changes", expand=True, box=SIMPLE)
        for heading in ("detected", "tenant", "change"):
            table.add_column(heading, no_wrap=True)
        table.add_column("agent", no_wrap=True, ratio=2)
        table.add_column("status", no_wrap=True, ratio=3)
        for event in tuple(self._newest):
            agent = event["agent"]
            cells = (
                event["detected_at"][11:23],
                event["tenant"],
                event["change"],
                printable(agent["name"] or agent["id"]),
                f"{status_text(event['previous'])} > {status_text(event['current'])}",
            )
            table.add_row(*(escape(cell) for cell in cells))
        return table
