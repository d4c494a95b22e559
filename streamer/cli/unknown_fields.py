"""What an answer holds beyond what its vendor's document shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


def documents(paths: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield one document for each field, by its path."""
    for path in sorted(paths):
        yield {"unknown_field": {"path": path}}


def lines(paths: Iterable[str]) -> Iterator[str]:
    """Yield the same for people."""
    if listed := sorted(paths):
        yield f"unknown fields, ignored: {len(listed)}; the vendor's document does not show them"
        yield from (f"  {path}" for path in listed)
