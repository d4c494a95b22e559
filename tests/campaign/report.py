"""What a part of a campaign showed, as JSON and as text; and the sum of all parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from tests.campaign.polls import Manners, Missed
from tests.campaign.takeovers import Times

NAMED: Mapping[str, Sequence[str]] = {
    "lost": ("complete", "final"),
    "doubled": ("doubled", "unique_id"),
    "broken chains": ("chain", "sequence", "tenant_sequence"),
    "invented": ("invented",),
    "watermark lied": ("watermark",),
    "events and rows differ": ("row",),
    "seen live, not in the end": ("live",),
}
"""The oracle's rules under the names of what they guard against; all others are summed up."""


class Report(msgspec.Struct, kw_only=True):
    """One part, or several together. Times in seconds; `wrong` has the first complaints, and is empty in a good run."""

    kinds: list[str]
    size: str
    kafka: str
    seed: int
    faults: dict[str, int]
    played: float
    judged: float
    events: int
    transitions: int
    promised: int
    untold: int
    broken: dict[str, int]
    wrong: list[str]
    take_overs: dict[str, Times]
    polls: Manners
    missed: Missed | None
    vitals: dict[str, tuple[float, float]]
    unserved: dict[str, int]
    ended_by_themselves: list[str]

    @property
    def good(self) -> bool:
        """Whether nothing was wrong."""
        return not self.wrong

    def write(self, folder: Path) -> None:
        """Write the report down, for people and for programs."""
        folder.mkdir(exist_ok=True)
        kind = self.kinds[0] if len(self.kinds) == 1 else "total"
        _path(folder, kind, self.kafka).write_bytes(msgspec.json.format(msgspec.json.encode(self)))
        _path(folder, kind, self.kafka, "txt").write_text(f"{self}\n")

    def __str__(self) -> str:
        """The report for people."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterable[str]:
        done = ", ".join(f"{count} x {kind}" for kind, count in self.faults.items())
        yield f"campaign {' '.join(self.kinds)}, size {self.size}, Kafka {self.kafka}, seed {self.seed}: {done}"
        yield f"played {self.played:.0f} s, judged in {self.judged:.0f} s"
        yield f"events {self.events}, true transitions {self.transitions}, had to be told {self.promised}"
        yield ", ".join(f"{name} {count}" for name, count in self.summary().items())
        for kind, times in self.take_overs.items():
            yield (
                f"take-over after {kind}: {times.shards} shards, median {times.median} s, worst {times.worst} s, "
                f"since the last fault in it {times.worst_after_all} s"
            )
        yield (
            f"polls {self.polls.polls}, per tenant and interval {self.polls.per_interval:.3f}; two clients within half an "
            f"interval {self.polls.shared}, back and forth within one and a half {self.polls.doubled}"
        )
        if self.missed:
            yield (
                f"polls missed per tenant and rolling restart: median {self.missed.median:g}, worst {self.missed.worst}, "
                f"{dict(self.missed.histogram)}"
            )
        for name, (first, last) in self.vitals.items():
            yield f"{name} of a replica: {first:g} in the first third, {last:g} in the last"
        if self.unserved:
            yield f"answers other than 200 and 304: {self.unserved}"
        for each in self.ended_by_themselves:
            yield f"ended by itself: {each}"
        yield from (f"WRONG {each}" for each in self.wrong)

    def summary(self) -> Mapping[str, int]:
        """Count what was broken, by the names that people use."""
        named = {name: sum(self.broken.get(rule, 0) for rule in rules) for name, rules in NAMED.items()}
        known = {rule for rules in NAMED.values() for rule in rules}
        return {**named, "other rules": sum(count for rule, count in self.broken.items() if rule not in known)}


def read_reports(folder: Path, kinds: Iterable[str], kafka: str) -> Sequence[Report]:
    """Read the reports of these kinds on a version of Kafka that are in a folder."""
    paths = [_path(folder, kind, kafka) for kind in kinds]
    return [msgspec.json.decode(path.read_bytes(), type=Report) for path in paths if path.exists()]


def _path(folder: Path, kind: str, kafka: str, suffix: str = "json") -> Path:
    return folder / f"campaign-{kind}-{kafka}.{suffix}"


def total(reports: Sequence[Report]) -> Report:
    """Sum up parts of one size, seed and version of Kafka."""
    polls = [report.polls for report in reports]
    return Report(
        kinds=[kind for report in reports for kind in report.kinds],
        size=reports[0].size,
        kafka=reports[0].kafka,
        seed=reports[0].seed,
        faults=_sum(report.faults for report in reports),
        played=sum(report.played for report in reports),
        judged=sum(report.judged for report in reports),
        events=sum(report.events for report in reports),
        transitions=sum(report.transitions for report in reports),
        promised=sum(report.promised for report in reports),
        untold=sum(report.untold for report in reports),
        broken=_sum(report.broken for report in reports),
        wrong=[line for report in reports for line in report.wrong],
        take_overs={
            f"{kind} ({report.kinds[0]})": times for report in reports for kind, times in report.take_overs.items()
        },
        polls=Manners(
            sum(each.polls for each in polls),
            sum(each.per_interval * each.polls for each in polls) / max(1, sum(each.polls for each in polls)),
            sum(each.shared for each in polls),
            sum(each.doubled for each in polls),
        ),
        missed=next((report.missed for report in reports if report.missed), None),
        vitals={f"{name} ({report.kinds[0]})": both for report in reports for name, both in report.vitals.items()},
        unserved=_sum(report.unserved for report in reports),
        ended_by_themselves=[line for report in reports for line in report.ended_by_themselves],
    )


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    return dict(sum((Counter(each) for each in counts), Counter()))
