"""What a round of faults showed, as JSON and as text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import median

import msgspec


class Outcome(msgspec.Struct, frozen=True):
    """One fault, and after how many seconds the service was ready and all tenants polled again."""

    fault: str
    seconds: float


class Report(msgspec.Struct, kw_only=True):
    """All faults of one run; the oracle found nothing wrong in it, or there would be no report."""

    what: str
    kafka: str
    seed: int
    events: int
    transitions: int
    promised: int
    outcomes: list[Outcome]

    def write(self, folder: Path) -> None:
        """Write the report down, for people and for programs."""
        folder.mkdir(exist_ok=True)
        stem = folder / f"{self.what}-{self.kafka}"
        stem.with_name(f"{stem.name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(self)))
        stem.with_name(f"{stem.name}.txt").write_text(f"{self}\n")

    def __str__(self) -> str:
        """The report for people."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterable[str]:
        yield f"{self.what} on Kafka {self.kafka}, seed {self.seed}: {len(self.outcomes)} faults, nothing lost or doubled"
        yield f"events {self.events}, true transitions {self.transitions}, had to be told {self.promised}"
        yield "times until ready and all tenants polled again, in seconds:"
        for fault in sorted({outcome.fault for outcome in self.outcomes}):
            times = [outcome.seconds for outcome in self.outcomes if outcome.fault == fault]
            yield f"  {fault}: {len(times)} times, median {median(times):.1f}, worst {max(times):.1f}"
