"""The kinds of panels: what is said of one, and Grafana's panel made of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, Self

from grafana_foundation_sdk.builders import bargauge, common, dashboard, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

DATASOURCE: Final = model.DataSourceRef(type_val="prometheus", uid="${datasource}")

GOOD, BAD = "green", "red"

COLOURS: Final[Mapping[str, Mapping[str, str]]] = {
    "{{state}}": {
        "ready": "green",
        "busy": "orange",
        "working_after_call": "yellow",
        "not_ready": "blue",
        "logged_out": "#6e7077",
        "unknown": "purple",
        "disappeared": "#3d3f45",
    },
    "{{outcome}}": {"ok": "green", "committed": "green", "auth_failed": "red", "server_busy": "orange"},
    "{{health}}": {
        "ok": "green",
        "degraded": "yellow",
        "failing": "orange",
        "auth_failed": "red",
        "not_enabled": "dark-red",
        "paused": "blue",
    },
}
"""What always looks the same: by the legend of a query, the colours of its series by their names."""


class Look(Protocol):
    """What all of the library's panels have in common; it has no base class that says so."""

    def title(self, title: str) -> Self: ...  # noqa: D102
    def description(self, description: str) -> Self: ...  # noqa: D102
    def unit(self, unit: str) -> Self: ...  # noqa: D102
    def height(self, h: int) -> Self: ...  # noqa: D102
    def span(self, w: int) -> Self: ...  # noqa: D102
    def datasource(self, datasource: model.DataSourceRef) -> Self: ...  # noqa: D102
    def thresholds(self, thresholds: Builder[model.ThresholdsConfig]) -> Self: ...  # noqa: D102
    def with_target(self, target: Builder[Any]) -> Self: ...  # noqa: D102
    def build(self) -> model.Panel: ...  # noqa: D102


@dataclass(frozen=True)
class Query:
    """PromQL, and what a series of its result is called: `{{label}}` stands for a label's value."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel(Builder[model.Panel]):
    """One panel: 24 columns are a row's width, a row of height is some 30 pixels; `alarm` is where red begins."""

    title: str
    about: str
    unit: str
    queries: Sequence[Query]
    width: int = 8
    height: int = 8
    alarm: float | None = None

    @abstractmethod
    def look(self) -> Look:
        """Return Grafana's panel with all that this kind has of its own."""

    def target(self, query: Query) -> prometheus.Dataquery:
        """Return a query as this kind of panel asks it: over the time on the screen."""
        return prometheus.Dataquery().expr(query.expression).legend_format(query.legend or "__auto").range()

    def build(self) -> model.Panel:
        """Return Grafana's panel."""
        panel = self.look().title(self.title).description(self.about).unit(self.unit)
        panel = panel.span(self.width).height(self.height).datasource(DATASOURCE).thresholds(self._thresholds())
        for letter, query in zip("ABCDEFGH", self.queries, strict=False):
            panel = panel.with_target(self.target(query).ref_id(letter).datasource(DATASOURCE))
        return panel.build()

    def _thresholds(self) -> dashboard.ThresholdsConfig:
        red = [] if self.alarm is None else [model.Threshold(value=self.alarm, color=BAD)]
        steps = [model.Threshold(color=GOOD), *red]
        return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


@dataclass(frozen=True, kw_only=True)
class Lines(Panel):
    """Lines over time: `stacked` are areas upon each other, `steps` totals of what is rare, where a step is an event."""

    stacked: bool = False
    steps: bool = False
    whole: str | None = None
    """The series that stacked ones should reach together: a line of its own."""

    def look(self) -> Look:
        """Return a time series panel."""
        legend = common.VizLegendOptions().display_mode(looks.LegendDisplayMode.LIST).show_legend(show_legend=True)
        tooltip = common.VizTooltipOptions().mode(looks.TooltipDisplayMode.MULTI).sort(looks.SortOrder.DESCENDING)
        panel = timeseries.Panel().legend(legend.placement(looks.LegendPlacement.BOTTOM).calcs([])).tooltip(tooltip)
        panel = panel.line_width(1).show_points(looks.VisibilityMode.NEVER).axis_soft_min(0)
        panel = panel.fill_opacity(40 if self.stacked else 0)
        if self.stacked:
            panel = panel.stacking(common.StackingConfig().mode(looks.StackingMode.NORMAL).group("A"))
        if self.steps:
            panel = panel.line_interpolation(looks.LineInterpolation.STEP_AFTER).decimals(0)
        if self.alarm is not None:
            style = common.GraphThresholdsStyleConfig().mode(looks.GraphThresholdsStyleMode.DASHED)
            panel = panel.thresholds_style(style)
        for name, colour in COLOURS.get(self.queries[0].legend, {}).items():
            fixed = model.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})
            panel = panel.override_by_name(name, [fixed])
        if self.whole is not None:
            alone = {"custom.stacking": {"mode": "none"}, "custom.fillOpacity": 0}
            properties = [model.DynamicConfigValue(id_val=name, value=value) for name, value in alone.items()]
            panel = panel.override_by_name(self.whole, properties)
        return panel


@dataclass(frozen=True, kw_only=True)
class Number(Panel):
    """The last value in large figures, and how it came to be."""

    width: int = 4
    height: int = 4
    words: Mapping[str, str] = field(default_factory=dict)
    """What is shown instead of some values."""

    def look(self) -> Look:
        """Return a stat panel."""
        reduced = common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False)
        panel = stat.Panel().reduce_options(reduced).graph_mode(looks.BigValueGraphMode.AREA)
        colour = looks.BigValueColorMode.NONE if self.alarm is None else looks.BigValueColorMode.VALUE
        options = {value: model.ValueMappingResult(text=text) for value, text in self.words.items()}
        panel = panel.color_mode(colour).text_mode(looks.BigValueTextMode.AUTO)
        return panel.mappings([model.ValueMap(options=options)]) if options else panel


@dataclass(frozen=True, kw_only=True)
class Heat(Panel):
    """How observations are spread over a histogram's buckets, over time; the unit is that of the buckets."""

    def look(self) -> Look:
        """Return a heatmap."""
        colour = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(64)
        return heatmap.Panel().calculate(calculate=False).color(colour).y_axis(heatmap.YAxisConfig().unit(self.unit))

    def target(self, query: Query) -> prometheus.Dataquery:
        """Ask for buckets."""
        return super().target(query).format(PromQueryFormat.HEATMAP)


@dataclass(frozen=True, kw_only=True)
class Bars(Panel):
    """A bar for each series, as they are now."""

    def look(self) -> Look:
        """Return a bar gauge."""
        reduced = common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False)
        panel = bargauge.Panel().reduce_options(reduced).orientation(looks.VizOrientation.HORIZONTAL).min(0)
        return panel.display_mode(looks.BarGaugeDisplayMode.BASIC).value_mode(looks.BarGaugeValueMode.TEXT)

    def target(self, query: Query) -> prometheus.Dataquery:
        """Ask for now alone."""
        return super().target(query).instant()


@dataclass(frozen=True, kw_only=True)
class Table(Panel):
    """Rows of what there is now: the labels, and a column for each query under the name of its legend."""

    labels: Sequence[str] = ()
    """The labels' columns, in their order."""
    matrix: tuple[str, str] | None = None
    """For one query: the label that the rows are of, and the label that the columns are of."""

    def look(self) -> Look:
        """Return a table."""
        panel = table.Panel().show_header(show_header=True).min_width(70)
        if self.matrix is not None:
            row, column = self.matrix
            return panel.with_transformation(
                model.DataTransformerConfig(
                    id_val="groupingToMatrix",
                    options={"rowField": row, "columnField": column, "valueField": "Value", "emptyValue": "zero"},
                )
            )
        values = [f"Value #{letter}" for letter in "ABCDEFGH"] if len(self.queries) > 1 else ["Value"]
        names = dict(zip(values, (each.legend for each in self.queries), strict=False))
        unnamed = [value for value, name in names.items() if not name]
        organized = {
            "excludeByName": dict.fromkeys(["Time", *unnamed], True),
            "renameByName": {value: name for value, name in names.items() if name},
            "indexByName": {name: index for index, name in enumerate([*self.labels, *values])},
        }
        for id_val, options in (("merge", {}), ("organize", organized)):
            panel = panel.with_transformation(model.DataTransformerConfig(id_val=id_val, options=options))
        return panel

    def target(self, query: Query) -> prometheus.Dataquery:
        """Ask for now alone, as a table."""
        return super().target(query).instant().format(PromQueryFormat.TABLE)
