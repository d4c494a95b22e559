"""A status as it is read back from the JSON that it was stored as: what the next change is told by."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct

from streamer.clock import millis
from streamer.model import Interval

Moment: TypeAlias = Annotated[datetime, Meta(tz=True)]
"""A time in JSON: RFC 3339 with an offset or `Z`."""


class Span(Struct, frozen=True, gc=False):
    """An interval in JSON; without `earliest` it says nothing of a beginning."""

    earliest: Moment | None
    latest: Moment

    @property
    def interval(self) -> Interval | None:
        """The interval in our terms, None where its beginning is not known."""
        return None if self.earliest is None else Interval(millis(self.earliest), millis(self.latest))


class StoredStatus(Struct, frozen=True, gc=False):
    """`vendor` is what was published under it, `span` when the status was entered."""

    state: str
    vendor: dict[str, Any]
    span: Span | None = msgspec.field(name="since")

    @property
    def since(self) -> Interval | None:
        """When it was entered, None where that is not known."""
        return None if self.span is None else self.span.interval


_read: Final = msgspec.json.Decoder(StoredStatus)


def read_status(data: bytes | msgspec.Raw) -> StoredStatus:
    """Read a status from its JSON; fields of other releases are passed over.

    Raises:
        msgspec.DecodeError, ValueError, RecursionError: it is none.

    """
    return _read.decode(data)
