"""`python -m tests.campaign KIND ...`: play parts of a campaign on brokers of their own and write their reports."""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.campaign.faults import KINDS
from tests.campaign.part import PLAYS, play
from tests.campaign.report import Report, read_reports, total
from tests.campaign.size import SIZES, Part
from tests.support.broker import NEWEST, ROOT, VERSIONS

REPORTS = ROOT / "reports"


def main() -> int:
    """Play the parts; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument(
        "kinds", nargs="*", metavar="KIND", help=f"of {', '.join(PLAYS)}; without any: {', '.join(KINDS)}"
    )
    parser.add_argument("--size", choices=SIZES, default="big")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000), help="repeats a campaign")
    parser.add_argument("--count", type=int, help="so many faults of each kind instead of the size's")
    parser.add_argument("--kafka", choices=VERSIONS, default=NEWEST)
    parser.add_argument("--resume", action="store_true", help="leave out parts whose good reports are there")
    parser.add_argument("--keep", action="store_true", help="keep the logs")
    chosen = parser.parse_args()
    if unknown := set(chosen.kinds) - PLAYS.keys():
        parser.error(f"no such kind: {', '.join(sorted(unknown))}")

    def reports() -> Sequence[Report]:
        return [each for each in read_reports(REPORTS, KINDS, chosen.kafka) if each.size == chosen.size]

    done = {report.kinds[0] for report in reports() if report.good}
    for kind in chosen.kinds or KINDS:
        if chosen.resume and kind in done:
            continue
        part = Part(kind=kind, size=chosen.size, seed=chosen.seed, count=chosen.count, kafka=chosen.kafka)
        report = _play(part, keep=chosen.keep)
        report.write(REPORTS)
        sys.stdout.write(f"{report}\n\n")
        sys.stdout.flush()
    total(reports()).write(REPORTS)
    played = [report for report in reports() if report.kinds[0] in (chosen.kinds or KINDS)]
    return 0 if all(report.good for report in played) else 1


def _play(part: Part, *, keep: bool) -> Report:
    folder = Path(tempfile.mkdtemp(prefix=f"campaign-{part.kind}-"))
    with part.cluster() as cluster:
        report = play(part, cluster, prefix=f"{part.kind}-", folder=folder)
        if not report.good:
            cluster.save(folder / "kafka")
    if keep or not report.good:
        sys.stdout.write(f"logs and records: {folder}\n")
    else:
        shutil.rmtree(folder)
    return report


if __name__ == "__main__":
    sys.exit(main())
