"""`python -m tests.campaign.mutations`: each guard is taken away in the real replicas, and the campaign must find it.

The same faults are played with all guards first: then nothing may be wrong.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from tests.campaign.part import play
from tests.campaign.size import Part
from tests.support.broker import ROOT
from tests.support.programs import ProgramError

REPORTS = ROOT / "reports"
ATTEMPTS = 3
"""How often faults at random moments are played until they must have met the missing guard."""


class Mutation(NamedTuple):
    """A guard of `inside/guards.py`, and so many faults of the kind that it is there for."""

    without: str
    kind: str
    faults: int


MUTATIONS: Sequence[Mutation] = (
    Mutation("futures_not_awaited", "refusals", 2),
    Mutation("last_stable_offset_taken_as_the_end", "hangs", 1),
    Mutation("state_read_before_fencing", "duels", 3),
    Mutation("taint_guard_off", "late-ends", 3),
    Mutation("cache_kept_after_an_unconfirmed_commit", "late-ends", 3),
    Mutation("old_answer_compared", "duels", 3),
)


class Outcome(msgspec.Struct, kw_only=True):
    """What became of one run; `without` null: all guards were there. `error`: it could not be judged."""

    kind: str
    without: str | None
    attempts: int
    events: int = 0
    broken: dict[str, int] = {}
    error: str | None = None

    @property
    def good(self) -> bool:
        """Whether it was as it must be: nothing wrong with all guards, something without one."""
        return self.error is None and bool(self.broken) == (self.without is not None)


def main() -> int:
    """Play the table; 1 unless each missing guard was found, and nothing else."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.mutations", description=__doc__)
    parser.add_argument("guards", nargs="*", help=f"of {', '.join(each.without for each in MUTATIONS)}")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    chosen = parser.parse_args()
    outcomes: list[Outcome] = []
    for mutation in MUTATIONS:
        if chosen.guards and mutation.without not in chosen.guards:
            continue
        for without in (None, mutation.without):
            outcomes.append(_outcome(mutation, without, chosen.seed))
            sys.stdout.write(f"{_line(outcomes[-1])}\n")
            sys.stdout.flush()
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / "campaign-mutations.json").write_bytes(msgspec.json.format(msgspec.json.encode(outcomes)))
    (REPORTS / "campaign-mutations.txt").write_text("".join(f"{_line(each)}\n" for each in outcomes))
    return 0 if all(outcome.good for outcome in outcomes) else 1


def _outcome(mutation: Mutation, without: str | None, seed: int) -> Outcome:
    """Play until the missing guard is found; with all guards once."""
    for attempt in range(1, (ATTEMPTS if without else 1) + 1):
        part = Part(kind=mutation.kind, size="ci", seed=seed + attempt - 1, count=mutation.faults, without=without)
        outcome = _play(part, attempt)
        if outcome.broken:
            break
    return outcome


def _play(part: Part, attempt: int) -> Outcome:
    folder = Path(tempfile.mkdtemp(prefix="mutation-"))
    with part.cluster() as cluster:
        try:
            report = play(part, cluster, prefix="m-", folder=folder)
        except (ProgramError, AssertionError) as error:
            return Outcome(kind=part.kind, without=part.without, attempts=attempt, error=f"{error}\n{folder}")
    return Outcome(kind=part.kind, without=part.without, attempts=attempt, events=report.events, broken=report.broken)


def _line(outcome: Outcome) -> str:
    guard = f"without {outcome.without}" if outcome.without else "with all guards"
    found = outcome.error or ", ".join(f"{rule} {count}" for rule, count in sorted(outcome.broken.items())) or "nothing"
    how = "as it must be" if outcome.good else "WRONG"
    return f"{outcome.kind:13} {guard:52} {outcome.events:5} events, attempt {outcome.attempts}: broken {found} ({how})"


if __name__ == "__main__":
    sys.exit(main())
