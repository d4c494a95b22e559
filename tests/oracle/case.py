"""One run, read and sorted for the rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from tests.oracle.evidence import Event, Evidence, Message, TenantRecord
from tests.oracle.matching import Told, match
from tests.oracle.truth import Histories, histories

CLAIM_KEY = b"|claim"
"""Reserved by the product for its own tombstones: no row."""


class Violation(NamedTuple):
    """A promise that was broken, of whom, and how."""

    rule: str
    tenant: str
    agent: str | None
    message: str


@dataclass(frozen=True)
class Case:
    """The events, rows and tenant records of one run beside its truth."""

    evidence: Evidence
    events: Sequence[Event]
    records: Sequence[TenantRecord]
    truth: Histories

    @classmethod
    def of(cls, evidence: Evidence) -> Case:
        """Read the evidence. Values must be valid under the schemas: that rule is asked first."""
        return cls(
            evidence=evidence,
            events=[Event.of(message) for message in _in_order(evidence.events)],
            records=[TenantRecord.of(message) for message in _in_order(evidence.tenants)],
            truth=histories(evidence.truth),
        )

    @cached_property
    def by_agent(self) -> Mapping[tuple[str, str], Sequence[Event]]:
        """Each agent's events in their order."""
        found: dict[tuple[str, str], list[Event]] = defaultdict(list)
        for event in self.events:
            found[event.who].append(event)
        return found

    @cached_property
    def told(self) -> Mapping[tuple[str, str], Sequence[Told]]:
        """Each agent's events with the true changes that they tell."""
        return {who: match(events, self.truth.get(who, ())) for who, events in self.by_agent.items()}

    @cached_property
    def by_tenant(self) -> Mapping[str, Sequence[Event]]:
        """Each tenant's events in their order."""
        found: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            found[event.tenant].append(event)
        return found

    @cached_property
    def records_by_tenant(self) -> Mapping[str, Sequence[TenantRecord]]:
        """Each tenant's status records in their order."""
        found: dict[str, list[TenantRecord]] = defaultdict(list)
        for record in self.records:
            found[record.tenant].append(record)
        return found


def of(event: Event, rule: str, message: str) -> Violation:
    """Return a violation by an event, with its place."""
    where = event.message
    place = f"event {event.sequence} ({event.change}, {where.partition}@{where.offset}): "
    return Violation(rule, event.tenant, event.who[1], place + message)


def pairs(events: Sequence[Event]) -> Iterator[tuple[Event | None, Event]]:
    """Yield each event with the one before it."""
    return zip([None, *events[:-1]], events, strict=True)


def _in_order(messages: Iterable[Message]) -> list[Message]:
    kept = [message for message in messages if message.value is not None]
    return sorted(kept, key=lambda message: (message.partition, message.offset))
