"""Do streams that tell of the same people through several vendors tell the same?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from streamer.simulator import Ids
from streamer.simulator.witness import IDS
from tests.oracle.evidence import millis
from tests.support.polled import AGENT_STATUS, Polled

TOGETHER = 1000
"""Milliseconds within which all tenants must have been polled for what they tell to be compared."""

Moment = Mapping[str, int]
"""When each tenant's last good poll had ended (ms since the epoch)."""


class Stay(NamedTuple):
    """Somebody truly did one thing from `start` until `end` (ms since the epoch)."""

    number: int
    activity: str
    start: float
    end: float


@dataclass
class Comparison:
    """How often all vendors agreed, by what the agent was doing and what was told; and where they did not."""

    agreed: Counter[tuple[str, str]] = field(default_factory=Counter)
    differed: list[str] = field(default_factory=list)


class Streams:
    """What was told of one simulated tenant through each of its vendors."""

    def __init__(
        self, polled: Sequence[Polled], lines: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]]
    ) -> None:
        """Take the tenants, the simulator's record, and the events in their order."""
        self._polled = polled
        self._told: dict[tuple[str, str], list[tuple[int, str | None]]] = defaultdict(list)
        for event in events:
            told = event["current"] and event["current"]["state"]
            self._told[event["tenant"], event["agent"]["id"]].append((millis(event["observed"]["end"]), told))
        self._ids: dict[int, Mapping[str, str]] = {}
        self._stays = list(self._read(lines))

    def compare(self, moments: Iterable[Moment], *, age: int) -> Comparison:
        """Compare all who did nothing else since `age` ms before the first poll of a moment until its last."""
        comparison = Comparison()
        for moment in moments:
            first, last = min(moment.values()), max(moment.values())
            if last - first > TOGETHER:
                continue
            for stay in self._stays:
                if stay.start < first - age and stay.end > last:
                    self._compare(comparison, stay, moment)
        return comparison

    def _compare(self, comparison: Comparison, stay: Stay, moment: Moment) -> None:
        told = {each.source: self._state(each, stay.number, moment[each.id]) for each in self._polled}
        if stay.activity == "never_logged_in" and told[AGENT_STATUS] == "unknown":
            told[AGENT_STATUS] = "logged_out"  # no other vendor tells them apart
        states = set(told.values())
        if len(states) == 1:
            comparison.agreed[stay.activity, str(states.pop())] += 1
        else:
            comparison.differed.append(f"agent {stay.number}, truly {stay.activity}, at {dict(moment)}: {told}")

    def _state(self, polled: Polled, number: int, at: int) -> str | None:
        agent = self._ids[number][polled.source]
        return next((state for end, state in reversed(self._told[polled.id, agent]) if end <= at), None)

    def _read(self, lines: Iterable[Mapping[str, Any]]) -> Iterator[Stay]:
        numbers: dict[str, int] = {}
        changes: dict[str, list[tuple[float, str | None]]] = defaultdict(list)
        for line in lines:
            if "agent" not in line:
                continue
            if "ids" in line:
                ids = msgspec.convert(line["ids"], Ids)
                numbers[line["agent"]] = ids.number
                self._ids[ids.number] = {source: name(ids) for source, name in IDS.items()}
            changes[line["agent"]].append((line["at"], line["activity"]))
        for agent, of_agent in changes.items():
            for (start, activity), (end, _) in pairwise([*of_agent, (float("inf"), None)]):
                if activity is not None:
                    yield Stay(numbers[agent], activity, start, end)
