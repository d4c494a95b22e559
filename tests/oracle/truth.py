"""What truly happened, in the words of each vendor."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from tests.oracle.vendors import READINGS, Fields, StatusKey

Shown: TypeAlias = Iterable[tuple[int, Fields | None]]
"""What a vendor showed of an agent, from when on (ms since the epoch); None: not listed."""

Truth: TypeAlias = Mapping[str, Mapping[tuple[str, str], Shown]]
"""By the source that tenants were polled by: by tenant and the vendor's agent id, what was to be seen."""


class Spell(NamedTuple):
    """An agent was in one status (None: not listed) at each millisecond of `[start, end)`."""

    key: StatusKey | None
    start: float
    end: float

    def seen_in(self, window: tuple[float | None, float]) -> bool:
        """Whether it was true at some millisecond of the window, both ends included; None: since ever."""
        earliest, latest = window
        return self.start <= latest and (earliest is None or self.end > earliest)


Histories = Mapping[tuple[str, str], Sequence[Spell]]
"""Each agent's spells without gaps, from before its first line (not listed) to the end of time; no two neighbours alike."""


def histories(truth: Truth) -> Histories:
    """Read what the vendors showed."""
    return {who: spells(shown, source) for source, told in truth.items() for who, shown in told.items()}


def spells(shown: Shown, source: str) -> Sequence[Spell]:
    """Read what one agent's vendor showed of it."""
    changes = list(_changes(shown, source))
    ends = [start for _, start in changes[1:]] + [math.inf]
    return [Spell(key, start, end) for (key, start), end in zip(changes, ends, strict=True)]


def _changes(shown: Shown, source: str) -> Iterator[tuple[StatusKey | None, float]]:
    read = READINGS[source].shown
    keys = [(None, -math.inf), *((None if fields is None else read(fields), at) for at, fields in shown)]
    return (next(same) for _, same in groupby(keys, key=itemgetter(0)))
