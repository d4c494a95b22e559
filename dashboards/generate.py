"""Writes the dashboards, and what docs/monitoring.md says of them: `python -m dashboards.generate [--check]`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from dashboards.board import Board
from dashboards.contact_centre import CONTACT_CENTRE
from dashboards.operators import OPERATORS
from streamer.generated import ROOT, keep, table, with_sections
from streamer.service.metric_definitions import DEFINITIONS

CHART: Final = "helm/agent-status-streamer/files"
PAGE: Final = "docs/monitoring.md"

BOARDS: Final[Mapping[str, Board]] = {"operators": OPERATORS, "contact-centre": CONTACT_CENTRE}
"""By the names of their files."""

_NAME: Final = re.compile(r"\bstreamer_[a-z_]+")


def files() -> dict[str, str]:
    """Return all that is made here: texts by their paths in the checkout."""
    made = {f"{CHART}/dashboards/{name}.json": board.json() for name, board in BOARDS.items()}
    return {**made, PAGE: with_sections(PAGE, {"alerts": alerts(), "metrics": metrics()})}


def rules() -> list[Mapping[str, Any]]:
    """Return the alerting rules."""
    groups = yaml.safe_load((ROOT / CHART / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> str:
    """Return the table of alerts: what each says, labels in capitals and N for the value."""

    def said(rule: Mapping[str, Any]) -> str:
        text = re.sub(r"{{ \$labels\.(\w+) }}", lambda label: label[1].upper(), rule["annotations"]["summary"])
        return re.sub(r"{{ \$value[^}]*}}", "N", text)

    return table(
        ("Alert", "Severity", "After", "Says"),
        (
            (
                f"[{rule['alert']}](runbooks.md#{rule['alert'].lower()})",
                rule["labels"]["severity"],
                rule.get("for", "0m"),
                said(rule),
            )
            for rule in rules()
        ),
    )


def metrics() -> str:
    """Return the table of metrics: on which panels each is drawn, and which alerts look at it."""
    watched = {rule["alert"]: rule["expr"] for rule in rules()}
    drawn = {
        f"{board.title.partition(' / ')[2]}: {title}": text
        for board in BOARDS.values()
        for title, text in _panels(board)
    }
    return table(
        ("Metric", "Panels", "Alerts"),
        (
            (
                f"`{each.full_name}`",
                "; ".join(panel for panel, text in drawn.items() if asks_for(text, each.full_name)) or "-",
                ", ".join(alert for alert, text in watched.items() if asks_for(text, each.full_name)) or "-",
            )
            for each in DEFINITIONS
        ),
    )


def asks_for(expression: str, metric: str) -> bool:
    """Whether PromQL asks for a metric, or for the series of a histogram."""
    return bool({metric, f"{metric}_bucket", f"{metric}_sum", f"{metric}_count"} & set(_NAME.findall(expression)))


def _panels(board: Board) -> Iterator[tuple[str, str]]:
    for panel in board.panels():
        yield panel.title, " ".join(query.expression for query in panel.queries)


def main(arguments: list[str]) -> int:
    """Write them, or with `--check` tell whether they are out of date (exit code 1)."""
    return keep(files(), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
