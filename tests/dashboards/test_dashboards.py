from __future__ import annotations

import json
import re
from typing import Any

import pytest

from dashboards.board import Board
from dashboards.generate import BOARDS, CHART, metrics
from dashboards.panels import Panel
from dashboards.queries import series
from streamer.service.metric_definitions import DEFINITIONS
from tests.support.broker import ROOT
from tests.support.chart import VALUES, rendered

PANELS = [
    pytest.param(panel, id=f"{name}: {panel.title}") for name, board in BOARDS.items() for panel in board.panels()
]


def shown(name: str) -> dict[str, Any]:
    """Return a dashboard as Grafana gets it."""
    board: dict[str, Any] = json.loads((ROOT / CHART / "dashboards" / f"{name}.json").read_text())
    return board


@pytest.mark.parametrize("panel", PANELS)
def test_each_panel_says_what_it_shows_in_which_unit(panel: Panel) -> None:
    """In Grafana's own fields, where its readers look."""
    made = panel.build()
    assert made.title
    assert (made.description or "").endswith(".")
    assert made.field_config is not None
    assert made.field_config.defaults.unit
    assert made.targets


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_panels_fill_their_rows_and_none_is_there_twice(board: Board) -> None:
    """No gaps, no two of one name."""
    titles = [panel.title for panel in board.panels()]
    assert len(set(titles)) == len(titles)
    for row in board.rows:
        assert sum(panel.width for panel in row.panels) % 24 == 0, row.title


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_is_known_by_its_uid_and_its_panels_by_their_ids(name: str) -> None:
    """Links to them go on working; nothing of the machine that made it is in it."""
    board = shown(name)
    ids = [panel["id"] for panel in board["panels"]]
    assert board["uid"] == f"agent-status-{name}"
    assert ids == sorted(set(ids))
    assert {panel["datasource"]["uid"] for panel in board["panels"] if panel["type"] != "row"} == {"${datasource}"}
    assert [each["name"] for each in board["templating"]["list"]] == ["datasource", "job", "source", "tenant"]


@pytest.mark.parametrize("panel", PANELS)
def test_each_query_is_about_what_the_reader_chose(panel: Panel) -> None:
    """Every selector has the variables of the labels that its metric has."""
    for query in panel.queries:
        for name, labels in re.findall(r"\bstreamer_(\w+)\{([^}]*)\}", query.expression):
            [known] = [each for each in DEFINITIONS if each.name == re.sub(r"_bucket$", "", name)]
            for label in {"job", "tenant", "source"} & {"job", *known.labels}:
                assert f'{label}=~"${label}"' in labels, query.expression
        assert len(re.findall(r"\bstreamer_\w+", query.expression)) == query.expression.count("streamer_")


def test_a_metric_that_does_not_exist_can_not_be_asked_for() -> None:
    """A misspelt name would be an empty panel, for ever."""
    with pytest.raises(KeyError):
        series("pols_total")


def test_each_metric_is_drawn_or_watched() -> None:
    """What nobody looks at need not be measured."""
    assert [line for line in metrics().splitlines() if line.endswith("| - | - |")] == []


def test_the_chart_hands_the_dashboards_to_grafanas_sidecar_as_they_are() -> None:
    """A ConfigMap of each, under the label that the sidecar looks for, and none unless it is wanted."""
    maps = [each for each in rendered(VALUES["full"]) if "grafana_dashboard" in each["metadata"].get("labels", {})]
    assert [each["metadata"]["labels"]["grafana_dashboard"] for each in maps] == ["1"] * len(BOARDS)
    assert {each["metadata"]["annotations"]["grafana_folder"] for each in maps} == {"Agent status"}
    files = {key: text for each in maps for key, text in each["data"].items()}
    assert {key: json.loads(text) for key, text in files.items()} == {
        f"statuses-{name}.json": shown(name) for name in BOARDS
    }
    assert "grafana_dashboard" not in str(rendered(VALUES["minimal"]))
