"""What a run has shown beyond passed and failed: tables at its end, and in `reports/` if it is told to.

Tests hang what they counted on their reports, which come from all of xdist's processes to the one that prints.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from tests.support.broker import ROOT

PAYLOADS: Final = "payloads"
"""The property of a test that fed a parser with generated payloads."""

CONTRACT: Final = "contract"
"""The property of a test that ran a source through a situation: the source's case, the situation."""

BLOCKS: Final = "blocks"
"""The property of a test that did something with a block of the docs: its place, its language, what was done."""

QUERIES: Final = "queries"
"""The property of a test that asked Prometheus: of which dashboard, or the alerts; which panel; series, numbers."""

MARKS: Final = {"passed": "ok", "failed": "FAILED"}

Tally: TypeAlias = dict[str, Any]
"""What became of them: `of` which parser, what `kind`, and counts."""

REPORTS: Final = ROOT / "reports"
WRITES: Final = os.environ.get("STREAMER_REPORTS", "") not in {"", "0", "false"}


def properties(reporter: pytest.TerminalReporter, name: str) -> Iterator[Any]:
    """Yield each test's property of this name."""
    for reports in reporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                yield from (value for key, value in report.user_properties if key == name)


def contract(reporter: pytest.TerminalReporter) -> None:
    """Tell which source ran through which situation; a situation that some ran through and others did not is marked."""
    ran: dict[str, dict[str, str]] = {}
    for outcome in reporter.stats:
        for report in reporter.stats[outcome]:
            if getattr(report, "when", None) == "call":
                for case, situation in (value for key, value in report.user_properties if key == CONTRACT):
                    ran.setdefault(situation, {})[case] = MARKS.get(outcome, outcome)
    cases = sorted({case for of_situation in ran.values() for case in of_situation})
    rows = [(name, *(ran[name].get(case, "-") for case in cases)) for name in sorted(ran)]
    if not rows:
        return
    shown = Counter(mark for row in rows for mark in row[1:])
    total = ", ".join(f"{count} {mark}" for mark, count in sorted(shown.items()))
    numbered = [f"{number}  {case}" for number, case in enumerate(cases, 1)]
    lines = table(("situation", *map(str, range(1, len(cases) + 1))), rows)
    title = f"contract: {len(cases)} sources x {len(rows)} situations"
    tell(reporter, title, "contract", [*numbered, "", *lines, "", total])


def blocks(reporter: pytest.TerminalReporter) -> None:
    """Tell what was done with each block of code in the docs."""
    rows = sorted(tuple(each) for each in properties(reporter, BLOCKS))
    if rows:
        width = max(len(place) for place, _, _ in rows)
        lines = [f"{place.ljust(width)}  {language.ljust(6)}  {done}" for place, language, done in rows]
        tell(reporter, f"blocks of code in the docs: {len(rows)}", "blocks", lines)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Return lines in columns: the first flush left, numbers flush right."""
    cells = [[*map(str, row)] for row in (header, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def tell(reporter: pytest.TerminalReporter, title: str, name: str, lines: Sequence[str]) -> None:
    """Print lines under a title; write them to a report of that name if that is wanted."""
    reporter.section(title)
    for line in lines:
        reporter.write_line(line)
    if WRITES:
        REPORTS.mkdir(exist_ok=True)
        Path(REPORTS / f"{name}.txt").write_text("\n".join([title, "", *lines, ""]))


def payloads(reporter: pytest.TerminalReporter) -> None:
    """Tell what became of generated payloads, by parser and kind."""
    tallies: list[Mapping[str, Any]] = sorted(
        properties(reporter, PAYLOADS), key=lambda each: (each["of"], each["kind"])
    )
    if not tallies:
        return
    counts = ("accepted", "refused", "false changes", "crashes")
    rows: list[Sequence[object]] = []
    for parser in dict.fromkeys(each["of"] for each in tallies):
        of_parser = [each for each in tallies if each["of"] == parser]
        for each in (*of_parser, {"kind": "all", **{key: sum(each[key] for each in of_parser) for key in counts}}):
            numbers = [each[key] for key in counts]
            rows.append((f"{parser}: {each['kind']}", sum(numbers) - each["false changes"], *numbers))
    tell(reporter, "generated payloads", "payloads", table(("parser and kind", "payloads", *counts), rows))
    if WRITES:
        Path(REPORTS / "payloads.json").write_text(json.dumps(tallies, indent=2) + "\n")


def queries(reporter: pytest.TerminalReporter) -> None:
    """Tell what a real Prometheus answered to the queries of dashboards and alerts."""
    rows = [(f"{kind}: {name}", series, numbers) for kind, name, series, numbers in properties(reporter, QUERIES)]
    if rows:
        tell(reporter, "queries to Prometheus", "queries", table(("panel or alert", "series", "numbers"), rows))
