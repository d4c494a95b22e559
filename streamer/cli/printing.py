"""Printing events on stdout as they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TextIO

import orjson

from streamer.cli.endings import say
from streamer.cli.options import Output
from streamer.cli.text import event_text
from streamer.events.cloudevents import structured
from streamer.events.record import Stored, tenant_of


class EventPrinter:
    """Prints events line by line, each at once. What is no event is named on stderr and passed over."""

    def __init__(
        self,
        *,
        output: Output,
        stream: TextIO,
        tenants: frozenset[str] = frozenset(),
        text: Callable[[dict[str, Any]], str] = event_text,
    ) -> None:
        """Print to `stream`, only the events of `tenants` if there are any; `text` makes a line for people of one."""
        self._text = text
        self._output = output
        self._stream = stream
        self._tenants = tenants

    def show(self, record: Stored) -> None:
        """Print an event.

        Raises:
            BrokenPipeError: nobody reads any more.

        """
        try:
            if self._tenants and tenant_of(record.key) not in self._tenants:
                return
            line = self._line(record)
        except (ValueError, LookupError, TypeError, AttributeError):  # JSON of any shape
            say(f"{record.place} is no event of ours; it is passed over")
            return
        self._stream.write(f"{line}\n")
        self._stream.flush()

    def _line(self, record: Stored) -> str:
        if self._output is Output.JSON:
            return structured(record).decode()
        return self._text(orjson.loads(record.value or b""))
