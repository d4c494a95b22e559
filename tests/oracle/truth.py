"""What truly happened, as the simulated vendor wrote it down."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tests.oracle.evidence import VENDOR_FIELDS, Span, StatusKey


class Spell(NamedTuple):
    """An agent was in one status (None: not listed) at each millisecond of `[start, end)`."""

    key: StatusKey | None
    start: float
    end: float

    def seen_in(self, window: Span) -> bool:
        """Whether it was true at some millisecond of the window."""
        return self.start <= window.latest and (window.earliest is None or self.end > window.earliest)


Histories = Mapping[tuple[str, str], Sequence[Spell]]
"""Each agent's spells without gaps, from before its first line (not listed) to the end of time."""


def histories(lines: Iterable[Mapping[str, Any]]) -> Histories:
    """Read the simulator's lines. Lines without an agent (the closing one) say nothing about one."""
    changes: dict[tuple[str, str], list[tuple[StatusKey | None, float]]] = defaultdict(lambda: [(None, -math.inf)])
    for line in lines:
        if "agent" in line:
            changes[line["tenant"], line["agent"]].append((_key(line), line["at"]))
    return {who: _spells(of_agent) for who, of_agent in changes.items()}


def _key(line: Mapping[str, Any]) -> StatusKey | None:
    status = line["status"]
    return (status["agent-status"], *(status.get(name) for name in VENDOR_FIELDS)) if line["present"] else None


def _spells(changes: Sequence[tuple[StatusKey | None, float]]) -> Sequence[Spell]:
    ends = [start for _, start in changes[1:]] + [math.inf]
    return [Spell(key, start, end) for (key, start), end in zip(changes, ends, strict=True)]
