"""A clock that stands still until a test moves it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.support.values import NOON


@dataclass
class HandClock:
    """A `Clock` moved by hand."""

    now: float = 0.0
    """Seconds since noon, of both clocks."""

    def wall(self) -> int:
        """Return milliseconds since the Unix epoch."""
        return NOON + round(self.now * 1000)

    def monotonic(self) -> float:
        """Return seconds since noon."""
        return self.now


@pytest.fixture
def clock() -> HandClock:
    """A clock that shows noon."""
    return HandClock()
