"""The one seam to the clocks. The wall clock is data; the monotonic clock decides when things are done."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Protocol

from streamer.model import Millis

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = -62_135_596_800_000
_LAST: Final = 253_402_300_799_999
"""The first and the last millisecond that a four-digit year can name."""


class Clock(Protocol):
    """Both clocks of this machine."""

    def wall(self) -> Millis:
        """Now, in milliseconds since the Unix epoch."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment, never backwards."""


class SystemClock:
    """The clocks of the operating system."""

    def wall(self) -> Millis:
        """Return the wall clock in milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Return the monotonic clock in seconds."""
        return time.monotonic()


@lru_cache(maxsize=64)
def rfc3339(at: Millis) -> str:
    """Format a time as RFC 3339 in UTC with milliseconds: `2026-11-21T09:30:00.125Z`.

    The events of one poll repeat a few times over and over, so the newest texts are kept.

    Raises:
        ValueError: the time lies outside the years 1 to 9999.

    """
    if not _FIRST <= at <= _LAST:
        raise _nameless(at)
    seconds, millis = divmod(at, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{millis:03d}Z"


def millis(moment: datetime) -> Millis:
    """Return a time that knows its offset in milliseconds since the Unix epoch; what is finer is cut off.

    Raises:
        ValueError: the time lies outside the years 1 to 9999 in UTC: it could not be written again.

    """
    delta = moment - _EPOCH
    at = (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000
    if not _FIRST <= at <= _LAST:
        raise _nameless(at)
    return at


def parse_rfc3339(text: str) -> Millis:
    """Read an RFC 3339 time with an offset or `Z`; what is finer than a millisecond is cut off.

    Raises:
        ValueError: not such a time, one without an offset, or one that could not be written again (`millis`).

    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        message = f"{text!r} has no offset; write Z for UTC"
        raise ValueError(message)
    return millis(moment)


def _nameless(at: Millis) -> ValueError:
    return ValueError(f"{at} ms is not a time between the years 1 and 9999")
