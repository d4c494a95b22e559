"""Values of 8x8's real-time statistics on which no status rests: numbers may come as text and text as numbers."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

Value: TypeAlias = int | float | str | None

LARGEST: Final = 2**53 - 1
"""Up to here, to either side of 0, all readers of JSON agree upon a whole number (RFC 8259, 6); JavaScript's has no more."""

_WHOLE = re.compile(r"-?[0-9]{1,16}")


def text(value: Value) -> str | None:
    """Return text without the blanks around it, that the document's example has; None for nothing."""
    return None if value is None else str(value).strip() or None


def plain(value: Value) -> Value:
    """Return a number if it is one that all who read events take for the same, else text; None for nothing.

    A whole number beyond `LARGEST` is text with all its digits: as a number some would round it without a word.
    """
    if isinstance(value, int):  # as most are, and each poll reads them all: text takes ten times as long
        return value if -LARGEST <= value <= LARGEST else str(value)
    if isinstance(value, float):
        return value
    plainly = text(value)
    if plainly is None or not _WHOLE.fullmatch(plainly) or not -LARGEST <= (number := int(plainly)) <= LARGEST:
        return plainly
    return number
