"""Rules about the chain of events: unbroken, contiguous, each event once. They need no truth."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from tests.oracle.case import Case, Violation, of, pairs


def chain_is_unbroken(case: Case) -> Iterator[Violation]:
    """Each event's `previous` is the `current` of the agent's event before, byte for byte; null in the first."""
    for who, events in case.by_agent.items():
        for before, event in pairs(events):
            restarted = before is None or (event.sequence == 1 and who in case.evidence.facts.forgotten)
            expected = "null" if restarted or before is None else before.raw["current"]
            if event.raw["previous"] == expected:
                continue
            same = json.loads(event.raw["previous"]) == json.loads(expected)
            how = "equals it only once parsed" if same else f"was {event.raw['previous']} after {expected}"
            yield of(event, "chain", f"previous is not the current of the event before: {how}")


def sequences_are_contiguous(case: Case) -> Iterator[Violation]:
    """Each agent's events are numbered 1, 2, 3, ... in the order in which they lie; only the forgotten start anew."""
    for who, events in case.by_agent.items():
        for before, event in pairs(events):
            expected = 1 if before is None else before.sequence + 1
            anew = event.sequence == 1 and event.change == "appeared" and who in case.evidence.facts.forgotten
            if event.sequence != expected and not anew:
                yield of(event, "sequence", f"number {event.sequence} where {expected} belongs")


def tenant_sequences_are_contiguous(case: Case) -> Iterator[Violation]:
    """Each tenant's events are numbered 1, 2, 3, ... in the order in which they lie."""
    for events in case.by_tenant.values():
        for expected, event in enumerate(events, start=1):
            if event.tenant_sequence != expected:
                yield of(event, "tenant_sequence", f"number {event.tenant_sequence} where {expected} belongs")
                break


def ids_are_unique(case: Case) -> Iterator[Violation]:
    """No two events share a CloudEvents id."""
    ids = Counter(dict(event.message.headers).get("ce_id") for event in case.events)
    for event in case.events:
        ce_id = dict(event.message.headers).get("ce_id")
        if ids[ce_id] > 1:
            yield of(event, "unique_id", f"its id {ce_id!r} is there {ids[ce_id]} times")


def kinds_are_consistent(case: Case) -> Iterator[Violation]:
    """A kind of change says which of `previous` and `current` are null and what came before."""
    nulls = {
        "baseline": (True, False),
        "appeared": (True, False),
        "changed": (False, False),
        "disappeared": (False, True),
        "resync": (False, False),
    }
    for events in case.by_agent.values():
        for before, event in pairs(events):
            if (event.data["previous"] is None, event.data["current"] is None) != nulls[event.change]:
                yield of(event, "kind", "the wrong one of previous and current is null")
            if event.change == "baseline" and before is not None:
                yield of(event, "kind", "a baseline that is not the agent's first event")
            if event.change == "appeared" and before is not None and before.change != "disappeared":
                yield of(event, "kind", "appeared without having disappeared")
            unchanged = event.previous == event.current and not event.data["missed_transitions"]
            if event.change == "changed" and unchanged:
                yield of(event, "kind", "changed into the status that it had")


def baseline_is_the_first_snapshot(case: Case) -> Iterator[Violation]:
    """All of a tenant's baseline events come from one snapshot and stand before all its other events."""
    for events in case.by_tenant.values():
        for before, event in pairs(events):
            if event.change != "baseline" or before is None:
                continue
            if before.change != "baseline" or before.observed != event.observed:
                yield of(event, "baseline", "not of the tenant's first snapshot")


def resync_changes_nothing(case: Case) -> Iterator[Violation]:
    """A resync tells the vendor status and the `since` that are known already, and no time of a change."""
    for event in case.events:
        if event.change != "resync":
            continue
        before, now = event.data["previous"], event.data["current"]
        if before["vendor"] != now["vendor"] or before["since"] != now["since"]:
            yield of(event, "resync", "another vendor status or since than before")
        if event.occurred or event.data["duration_ms"] or event.data["missed_transitions"]:
            yield of(event, "resync", "it tells the time of a change")


def time_goes_forward(case: Case) -> Iterator[Violation]:
    """An agent's snapshots are told in the order in which they were taken, each after it was taken."""
    for events in case.by_agent.values():
        for before, event in pairs(events):
            if before and (event.observed < before.observed or event.observed.latest < before.observed.latest):
                yield of(event, "order", f"observed {event.observed} after {before.observed}")
            if event.detected_at < event.observed.latest or event.observed.latest < (event.observed.earliest or 0):
                yield of(event, "order", f"detected at {event.detected_at}, observed {event.observed}")
