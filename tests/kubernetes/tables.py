"""What a run has shown: which objects an API server accepted, and how releases lived."""

from __future__ import annotations

from collections import Counter
from typing import Final

import pytest

from tests.support.summary import properties, table, tell

STEP: Final = "step"
"""The property of a test that did something with a release: the step, what was seen, seconds."""

OBJECT: Final = "object"
"""The property of a test that sent an object of the chart: the object, the values, what became of it."""


def objects(reporter: pytest.TerminalReporter) -> None:
    """Tell what became of the objects of each values file."""
    seen = Counter(map(tuple, properties(reporter, OBJECT)))
    if not seen:
        return
    values = sorted({name for _, name, _ in seen})
    cells: dict[str, dict[str, str]] = {}
    for (thing, name, mark), count in sorted(seen.items()):
        of_thing = cells.setdefault(thing, {})
        of_thing[name] = " ".join([*of_thing.get(name, "").split(), f"{count} {mark}"])
    rows = [(thing, *(of_thing.get(name, "-") for name in values)) for thing, of_thing in cells.items()]
    title = f"objects that the API server was asked to accept: {seen.total()}"
    tell(reporter, title, "kubernetes-objects", table(("object, by values", *values), rows))


def steps(reporter: pytest.TerminalReporter) -> None:
    """Tell what was done with releases, and what was seen then."""
    rows = sorted(properties(reporter, STEP))
    if rows:
        width = max(len(step) for step, _, _ in rows)
        lines = [f"{step.ljust(width)}  {seconds:>5} s  {seen}" for step, seen, seconds in rows]
        tell(reporter, "releases on Kubernetes", "kubernetes-steps", lines)
