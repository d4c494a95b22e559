"""Rules about what must be there: every status held long enough, the watermark's promise, and the end."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tests.oracle.case import Case, Violation, of
from tests.oracle.evidence import Event, Facts, Millis, Span, TenantRecord
from tests.oracle.truth import Spell


def watermark_never_decreases(case: Case) -> Iterator[Violation]:
    """`complete_through` and `tenant_sequence` of a tenant's records never go back."""
    for tenant, records in case.records_by_tenant.items():
        for before, record in pairwise(records):
            if (record.complete_through or 0) < (before.complete_through or 0):
                text = f"complete_through {record.complete_through} after {before.complete_through}"
                yield Violation("watermark", tenant, None, text)
            if record.tenant_sequence < before.tenant_sequence:
                text = f"tenant_sequence {record.tenant_sequence} after {before.tenant_sequence}"
                yield Violation("watermark", tenant, None, text)


def watermark_names_what_exists(case: Case) -> Iterator[Violation]:
    """No record names an event that was never committed."""
    for tenant, records in case.records_by_tenant.items():
        newest = max((event.tenant_sequence for event in case.by_tenant.get(tenant, ())), default=0)
        for record in records:
            if record.tenant_sequence > newest:
                text = f"a record names event {record.tenant_sequence}; there are {newest}"
                yield Violation("watermark", tenant, None, text)
                break


def watermark_keeps_its_promise(case: Case) -> Iterator[Violation]:
    """Every event after the one that a record names occurred at or after its `complete_through`, or says `late`."""
    for tenant, events in case.by_tenant.items():
        records = sorted(case.records_by_tenant.get(tenant, ()), key=lambda record: record.tenant_sequence)
        promised, at = 0, 0
        for event in sorted(events, key=lambda event: event.tenant_sequence):
            while at < len(records) and records[at].tenant_sequence < event.tenant_sequence:
                promised = max(promised, records[at].complete_through or 0)
                at += 1
            if event.change in ("baseline", "resync") or event.data["late"] or not promised:
                continue
            if event.occurred is None or event.occurred.earliest is None or event.occurred.earliest < promised:
                yield of(event, "watermark", f"occurred {event.occurred} although complete through {promised}")


def held_statuses(case: Case) -> Iterator[tuple[tuple[str, str], Spell]]:
    """Yield each true status (or absence) that the tenant's records promise to be in the stream.

    It lies between the first and the last `complete_through` and was held longer than every `resolution_ms` told for
    its time; an absence must outlast `absent_after` such distances. A record speaks for the time since the one before.
    """
    for (tenant, agent), spells in case.truth.items():
        records = sorted(case.records_by_tenant.get(tenant, ()), key=_reported_at)
        marks = [mark for record in records if (mark := record.complete_through) is not None]
        if not marks:
            continue
        for spell in spells[1:]:
            if spell.start >= marks[0] and spell.end <= marks[-1] and _is_promised(spell, records, case.evidence.facts):
                yield (tenant, agent), spell


def _reported_at(record: TenantRecord) -> Millis:
    return record.reported_at


def _is_promised(spell: Spell, records: Sequence[TenantRecord], facts: Facts) -> bool:
    if spell.key is None and any(spell.seen_in(lie) for lie in facts.lies):
        return False
    stated: list[Millis | None] = []
    for record in records[bisect_left(records, spell.start, key=_reported_at) :]:
        stated.append(record.resolution)
        if record.reported_at >= spell.end:
            break
    resolution = max((each for each in stated if each is not None), default=None)
    if resolution is None or None in stated:
        return False
    return spell.end - spell.start > resolution * (1 if spell.key is not None else facts.absent_after)


def held_statuses_are_told(case: Case) -> Iterator[Violation]:
    """Every status that was promised is what the stream shows at some moment at which it was held.

    (Not "has an event of its own": one that was left and entered again between two polls was never seen to end.)
    """
    for (tenant, agent), spell in held_statuses(case):
        events = [event for event in case.by_agent.get((tenant, agent), ()) if event.change != "resync"]
        if not _shows(events, spell):
            text = f"held for {spell.end - spell.start} ms from {spell.start}, never told: {spell.key}"
            yield Violation("complete", tenant, agent, text)


def _shows(events: Sequence[Event], spell: Spell) -> bool:
    ends: list[Span | None] = [*(event.observed for event in events[1:]), None]
    for event, end in zip(events, ends, strict=False):
        begins = event.observed.earliest or 0
        if event.current == spell.key and begins < spell.end and (end is None or end.latest >= spell.start):
            return True
    return spell.key is None and (not events or events[0].observed.latest >= spell.start)


def end_is_told(case: Case) -> Iterator[Violation]:
    """Of each settled tenant, each agent's last event shows its true last status, or that it is gone."""
    for (tenant, agent), spells in case.truth.items():
        if tenant not in case.evidence.facts.settled:
            continue
        events = case.by_agent.get((tenant, agent), ())
        shown = events[-1].current if events else None
        if shown != spells[-1].key:
            yield Violation("final", tenant, agent, f"ends as {shown}, truly {spells[-1].key}")
    for tenant, agent in case.by_agent:
        if (tenant, agent) not in case.truth:
            yield Violation("invented", tenant, agent, "there never was such an agent")
