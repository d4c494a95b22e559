"""The few fields of an HTTP answer's head that matter to a poll (RFC 9110, RFC 9111)."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from streamer.model import Millis

RETRY_AFTER_LEAST: Final = 1.0
RETRY_AFTER_MOST: Final = 900.0

_DIGITS = re.compile(r"[0-9]+")


def http_date(text: str | None) -> Millis | None:
    """Read an HTTP-date (RFC 9110, 5.6.7); None for none and for anything else."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return round(moment.timestamp() * 1000)
    except (ValueError, TypeError, OverflowError):
        return None


def retry_after(text: str | None, *, now: Millis) -> float | None:
    """Read `Retry-After` (RFC 9110, 10.2.3), seconds or a date, as seconds from `now`, between 1 s and 15 min.

    `now` is best taken from the same answer's `Date`, so that only the vendor's clock counts. Garbage is as none.
    """
    text = (text or "").strip()
    if _DIGITS.fullmatch(text):
        seconds = float(text)
    elif (until := http_date(text)) is not None:
        seconds = (until - now) / 1000
    else:
        return None
    return min(RETRY_AFTER_MOST, max(RETRY_AFTER_LEAST, seconds))


def cached_for(text: str | None) -> Millis:
    """Read `Age` (RFC 9111, 5.1): how long a cache on the way may have held the answer, rounded up. Garbage is 0."""
    text = (text or "").strip()
    return (int(text[:18]) + 1) * 1000 if _DIGITS.fullmatch(text) else 0


def is_media_type(text: str, suffix: str) -> bool:
    """Tell whether a media type is `<any>/<suffix>` or `<any>/<any>+<suffix>`: `application/vnd.x+json` is `json`."""
    subtype = text.partition(";")[0].strip().lower().partition("/")[2]
    return subtype == suffix or subtype.endswith(f"+{suffix}")
