"""The oracle: asks every rule about one run and says what was broken, and how much was looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.oracle import chain, completeness, envelope, reality, table
from tests.oracle.case import Case, Violation
from tests.oracle.evidence import Evidence, Message

RULES: tuple[Callable[[Case], Iterator[Violation]], ...] = (
    envelope.envelope_agrees,
    envelope.source_is_told,
    envelope.place_is_constant,
    chain.chain_is_unbroken,
    chain.sequences_are_contiguous,
    chain.tenant_sequences_are_contiguous,
    chain.ids_are_unique,
    chain.kinds_are_consistent,
    chain.baseline_is_the_first_snapshot,
    chain.resync_changes_nothing,
    chain.time_goes_forward,
    reality.nothing_is_invented,
    reality.intervals_hold,
    reality.nothing_is_told_twice,
    reality.durations_hold,
    reality.durations_are_told,
    completeness.watermark_never_decreases,
    completeness.watermark_names_what_exists,
    completeness.watermark_keeps_its_promise,
    completeness.held_statuses_are_told,
    completeness.end_is_told,
    table.rows_are_the_last_events,
    table.transactions_agree,
)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How much was judged.

    `transitions`: true changes after the start. `promised`: statuses held so long that they had to be told. `untold`:
    true changes after the tenant's first event that no event tells, since polls are apart.
    """

    events: int
    agents: int
    transitions: int
    promised: int
    untold: int

    @property
    def changes(self) -> int:
        """Events beside the first of each agent, which every run has: how many there are is the machine's speed."""
        return self.events - self.agents


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was broken: nothing in a good run."""

    violations: Sequence[Violation]
    counts: Counts

    @property
    def rules(self) -> set[str]:
        """The names of the rules that were broken."""
        return {violation.rule for violation in self.violations}

    def __str__(self) -> str:
        """The counts, how often each rule was broken, and the first violations."""
        broken = dict(Counter(violation.rule for violation in self.violations))
        lines = [f"{self.counts}", f"broken: {broken or 'nothing'}"]
        lines += [f"  {each.rule}: {each.tenant}|{each.agent} {each.message}" for each in self.violations[:20]]
        return "\n".join(lines)


def judge(evidence: Evidence) -> Verdict:
    """Return what was broken. Values that are not valid are not looked into: then only the rule `schema` speaks."""
    invalid = list(envelope.values_are_valid(evidence))
    if invalid:
        return Verdict(violations=invalid, counts=Counts(events=0, agents=0, transitions=0, promised=0, untold=0))
    case = Case.of(evidence)
    violations = [violation for rule in RULES for violation in rule(case)]
    return Verdict(violations=violations, counts=_count(case))


def same_stream(live: Sequence[Message], final: Sequence[Message]) -> Iterator[Violation]:
    """What a reader got while it happened is what another reads in the end: same records, same order, same places."""
    for number, (one, other) in enumerate(zip(sorted(live, key=_place), sorted(final, key=_place), strict=False)):
        if one != other:
            text = f"record {number}: live {_place(one)} {one.key!r}, final {_place(other)} {other.key!r}"
            yield Violation("live", "", None, text)
            return
    if len(live) != len(final):
        yield Violation("live", "", None, f"{len(live)} records live, {len(final)} in the end")


def _place(message: Message) -> tuple[int, int]:
    return message.partition, message.offset


def _count(case: Case) -> Counts:
    told = {(who, each.chosen) for who, of_agent in case.told.items() for each in of_agent if each.chosen is not None}
    began = {tenant: events[0].observed.latest for tenant, events in case.by_tenant.items()}
    happened = {
        (who, number)
        for who, spells in case.truth.items()
        for number, spell in enumerate(spells)
        if spell.start > began.get(who[0], float("inf"))
    }
    return Counts(
        events=len(case.events),
        agents=len(case.by_agent),
        transitions=sum(max(0, len(spells) - 2) for spells in case.truth.values()),
        promised=sum(1 for _ in completeness.held_statuses(case)),
        untold=len(happened - told),
    )
