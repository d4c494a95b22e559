"""Writes docs/reference/metrics.md from the table of metrics: `python -m streamer.service.metrics_reference [--check]`."""

from __future__ import annotations

import sys
from typing import Final

from streamer.generated import keep
from streamer.service.metric_definitions import DEFINITIONS, Definition

PAGE: Final = "docs/reference/metrics.md"

_HEAD: Final = """\
<!-- Made by `python -m streamer.service.metrics_reference`; do not edit. -->
# Metrics

Served on `/metrics`, as Prometheus text or as OpenMetrics, whichever the request's `Accept` asks for. Durations are in
seconds, times in seconds since the Unix epoch. No label holds an agent's id or name. The series of a tenant go when
the tenant is no longer polled here. Beside these stand the usual `process_*` and `python_gc_*` metrics.

A counter without labels of its own, and of the others the values that "from 0" names, are there at 0 before anything is
counted: those of the process when it starts, those of a tenant when its poller does. So `increase()` sees the first one too.

| Metric | Kind | Labels | Meaning |
|---|---|---|---|
"""


def page() -> str:
    """Return the reference page as Markdown."""
    buckets = [each for each in DEFINITIONS if each.buckets]
    return (
        _HEAD
        + "".join(_row(each) for each in DEFINITIONS)
        + "\n## Buckets\n\n| Histogram | Upper bounds, in seconds |\n|---|---|\n"
        + "".join(f"| `{each.full_name}` | {', '.join(f'{bound:g}' for bound in each.buckets)} |\n" for each in buckets)
    )


def _row(definition: Definition) -> str:
    labels = ", ".join(f"`{label}`" for label in definition.labels) or "-"
    zeros = f" From 0: {', '.join(f'`{value}`' for value in definition.zeros)}." if definition.zeros else ""
    return f"| `{definition.full_name}` | {definition.kind} | {labels} | {definition.help}{zeros} |\n"


def main(arguments: list[str]) -> int:
    """Write the page, or with `--check` tell whether it is out of date (exit code 1)."""
    return keep({PAGE: page()}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
