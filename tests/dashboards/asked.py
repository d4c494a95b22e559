"""The committed dashboards as Grafana asks Prometheus: which queries there are, variables put in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from dashboards.generate import BOARDS, CHART
from tests.support.broker import ROOT

ALL: Mapping[str, str] = {"job": ".+", "tenant": ".+", "source": ".+", "__rate_interval": "15s"}
"""What Grafana puts for its variables while all is chosen, and for a scrape every few seconds."""


class Asked(NamedTuple):
    """One query of a panel; `instant` ones are asked for now alone."""

    board: str
    panel: str
    expression: str
    instant: bool

    def with_values(self, values: Mapping[str, str]) -> str:
        """Return the expression with values for all variables."""
        text = self.expression
        for name, value in values.items():
            text = re.sub(rf"\${name}\b", value, text)  # no value has a backslash
        assert "$" not in text, f"{self.panel}: a variable that nobody knows: {text}"
        return text


class Listed(NamedTuple):
    """What a variable may be, by Prometheus."""

    board: str
    name: str
    metric: str
    label: str


def boards() -> dict[str, Mapping[str, Any]]:
    """Return the dashboards as they are in the chart's files."""
    return {name: json.loads((ROOT / CHART / "dashboards" / f"{name}.json").read_text()) for name in BOARDS}


def queries() -> Iterator[Asked]:
    """Yield the queries of all panels, and what is marked on them."""
    for name, board in boards().items():
        for each in board["annotations"]["list"]:
            yield Asked(name, f"(marks) {each['name']}", each["expr"], instant=False)
        for panel in board["panels"]:
            targets = panel.get("targets", ())
            for target in targets:
                title = f"{panel['title']} ({target['refId']})" if len(targets) > 1 else panel["title"]
                yield Asked(name, title, target["expr"], instant=target.get("instant", False))


def variables() -> Iterator[Listed]:
    """Yield the variables whose values Prometheus is asked for."""
    for name, board in boards().items():
        for each in board["templating"]["list"]:
            if each["type"] == "query":
                found = re.fullmatch(r"label_values\((.+), (\w+)\)", each["query"])
                assert found is not None, each["query"]
                yield Listed(name, each["name"], found[1], found[2])
