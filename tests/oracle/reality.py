"""Rules about reality: each event tells something that truly happened, when it says, and no more than once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from tests.oracle.case import Case, Violation, of, pairs
from tests.oracle.matching import Told
from tests.oracle.truth import Spell

NEAR = 2000
"""Milliseconds around an event whose true spells a violation shows."""


def nothing_is_invented(case: Case) -> Iterator[Violation]:
    """What `current` says was true at some moment of `observed`; a disappeared agent was truly not listed then."""
    for told in _all(case):
        event = told.event
        if not told.seen:
            near = [spell for spell in case.truth.get(event.who, ()) if abs(spell.start - event.observed.latest) < NEAR]
            yield of(event, "invented", f"{event.current} was never true in {event.observed}; truly {near}")


def intervals_hold(case: Case) -> Iterator[Violation]:
    """The status observed was entered (the agent left) within `occurred`, and within `since` where that is told."""
    for told in _all(case):
        event = told.event
        if event.occurred is None and event.change != "resync":
            yield of(event, "interval", "it does not say when the change occurred")
        if told.seen and not told.entered:
            starts = [case.truth[event.who][number].start for number in told.seen]
            yield of(event, "interval", f"entered at {starts}, told {event.occurred}, since {event.since}")


def nothing_is_told_twice(case: Case) -> Iterator[Violation]:
    """No two events tell the same true change, and an agent's changes are told in their order."""
    for told in _all(case):
        if told.entered and told.chosen is None:
            yield of(told.event, "doubled", f"an event before told this change or a later one: spells {told.entered}")


def durations_hold(case: Case) -> Iterator[Violation]:
    """`duration_ms` contains the time from the entry told before to the last true end of that status.

    Where the two events have no true change between them this is the true duration of the status just left; where the
    agent left it and came back unseen, it is what nobody who polls can tell apart. `missed_transitions` is a lower
    bound of the true changes between the two.
    """
    for of_agent in case.told.values():
        for before, after in pairwise(of_agent):
            if after.event.change == "resync" or not (before.entered and after.entered):
                continue
            if problem := _duration_problem(case.truth[after.event.who], before, after):
                yield of(after.event, *problem)


def _duration_problem(spells: Sequence[Spell], before: Told, after: Told) -> tuple[str, str] | None:
    duration, missed = after.event.data["duration_ms"], after.event.data["missed_transitions"]
    ways = [(left, entered) for left in before.entered for entered in after.entered if left < entered]
    if ways and missed > max(entered - left - 1 for left, entered in ways):
        return "missed", f"says that {missed} transitions were missed; there were not so many"
    if duration is None or not ways:
        return None
    true = {_held(spells, left, entered) for left, entered in ways}
    if any(duration["min"] <= each <= duration["max"] for each in true):
        return None
    return "duration", f"truly {sorted(true)} ms, told {duration}"


def _held(spells: Sequence[Spell], left: int, entered: int) -> float:
    last = max(number for number in range(left, entered) if spells[number].key == spells[left].key)
    return spells[last].end - spells[left].start


def durations_are_told(case: Case) -> Iterator[Violation]:
    """Where the event before said since when, the event says how long the status lasted; nowhere else."""
    for events in case.by_agent.values():
        for _, event in pairs(events):
            previous = event.data["previous"]
            known = previous is not None and previous["since"] is not None and event.change != "resync"
            if known != (event.data["duration_ms"] is not None):
                yield of(event, "duration", f"duration_ms is {event.data['duration_ms']}")


def _all(case: Case) -> Iterator[Told]:
    for of_agent in case.told.values():
        yield from of_agent
