"""A dashboard: rows of panels under the variables that all of them share."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from dashboards.panels import DATASOURCE, Panel

TAG: Final = "agent-status-streamer"

ALL: Final = model.VariableOption(selected=True, text="All", value="$__all")

ALERTS: Final = 'ALERTS{alertname=~"Streamer.+",alertstate="firing"}'
"""What is marked on all graphs."""

VARIABLES: Final[Mapping[str, str]] = {
    "job": "label_values(streamer_build_info, job)",
    "source": 'label_values(streamer_tenant_health{job=~"$job"}, source)',
    "tenant": 'label_values(streamer_tenant_health{job=~"$job",source=~"$source"}, tenant)',
}
"""What the reader of a dashboard chooses, beside the data source: each by a query for what there is."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, kw_only=True)
class Board:
    """One dashboard; `uid` is part of its address in Grafana and stays."""

    uid: str
    title: str
    about: str
    rows: Sequence[Row]

    def panels(self) -> Iterator[Panel]:
        """Yield all panels."""
        for row in self.rows:
            yield from row.panels

    def json(self) -> str:
        """Return what Grafana imports."""
        board = dashboard.Dashboard(self.title).uid(self.uid).description(self.about).tags([TAG]).editable()
        board = (
            board.time("now-1h", "now").refresh("30s").tooltip(model.DashboardCursorSync.CROSSHAIR).timezone("browser")
        )
        board = board.with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        for name, query in VARIABLES.items():
            board = board.with_variable(_variable(name, query))
        others = dashboard.DashboardLink("Agent status").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
        board = board.link(others.include_vars(include_vars=True).keep_time(keep_time=True))
        alerts = dashboard.AnnotationQuery().name("Alerts").datasource(DATASOURCE).enable(enable=True)
        board = board.annotation(alerts.icon_color("red").expr(ALERTS))
        for row in self.rows:
            board = board.with_row(dashboard.Row(row.title))
            for panel in row.panels:
                board = board.with_panel(panel)
        built = board.build()
        for number, each in enumerate(built.panels or [], 1):
            each.id_val = number
        return json.dumps(built, cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def _variable(name: str, query: str) -> dashboard.QueryVariable:
    """Return a variable of which several values or all may be chosen; of all, queries say just that."""
    variable = dashboard.QueryVariable(name).label(name.capitalize()).query(query).datasource(DATASOURCE)
    variable = variable.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(model.VariableSort.ALPHABETICAL_ASC)
    return variable.multi(multi=True).include_all(include_all=True).all_value(".+").current(ALL)
