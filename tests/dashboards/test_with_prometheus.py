"""Dashboards and alerts asked of a real Prometheus, which scraped real replicas that had much to tell."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from streamer.service.metric_definitions import DEFINITIONS
from tests.dashboards.asked import ALL, Asked, queries, variables
from tests.dashboards.scene import HAPPENED_WITHIN, REFUSED, SHARDS, Scene
from tests.support.polled import AGENT_STATUS
from tests.support.programs import wait_until
from tests.support.prometheus import Prometheus, rules
from tests.support.summary import QUERIES
from tests.support.trial import shared_place


@pytest.fixture
def scene(kafka: str, topic_prefix: str, tmp_path: Path) -> Iterator[Scene]:
    """All of it, before the trouble."""
    with Scene(shared_place(kafka, topic_prefix, partitions=SHARDS), tmp_path) as scene:
        yield scene


def numbers(found: Sequence[Any]) -> int:
    """Return how many values there are in a result that are numbers."""
    values = [value for each in found for _, value in each.get("values", [each.get("value")])]
    return sum(not math.isnan(float(value)) for value in values)


def alerts(prometheus: Prometheus) -> dict[str, Any]:
    """Return what Prometheus says of its rules, by their names."""
    return {rule["name"]: rule for group in prometheus.ask("v1/rules")["groups"] for rule in group["rules"]}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_panel_has_something_to_show_and_every_alert_is_looked_at(
    scene: Scene, request: pytest.FixtureRequest
) -> None:
    """Of a run with every trouble that there is a panel for: each query gives numbers, each rule is in order."""
    began = time.time()
    scene.trouble()
    prometheus, empty = scene.prometheus, []
    wait_until(lambda: alerts(prometheus)[REFUSED]["state"] == "firing", f"{REFUSED} fires", within=HAPPENED_WITHIN)
    failed = 'streamer_commits_total{outcome!="committed"}'
    wait_until(lambda: bool(prometheus.now(f"{failed} > 0", at=time.time())), "it is scraped", within=HAPPENED_WITHIN)
    ended = time.time()

    [lost] = prometheus.now(f"sum({failed})", at=ended)
    [rise] = prometheus.now(f"sum(increase({failed}[10m]))", at=ended)  # as StreamerCommitsFailing asks
    assert float(rise["value"][1]) >= float(lost["value"][1]) > 0, "the first commits that failed are seen to fail"

    def ask(query: Asked, values: dict[str, str]) -> list[Any]:
        text = query.with_values({**ALL, **values})
        return prometheus.now(text, at=ended) if query.instant else prometheus.over(text, start=began, end=ended)

    def note(kind: str, name: str, series: int, values: int) -> None:
        request.node.user_properties.append((QUERIES, [kind, name, series, values]))

    for query in queries():
        found = ask(query, {})
        note(query.board, query.panel, len(found), numbers(found))
        if not numbers(found):
            empty.append(f"{query.board}: {query.panel}: {query.expression}")
        ask(query, {"tenant": "(odd|well)", "source": AGENT_STATUS})  # some chosen: may be empty, never an error
    for variable in variables():
        matched = variable.metric.replace("$job", ".+").replace("$source", ".+")
        listed = prometheus.ask(f"v1/label/{variable.label}/values", **{"match[]": matched})
        note(variable.board, f"(variable) {variable.name}", len(listed), len(listed))
        if not listed:
            empty.append(f"{variable.board}: variable {variable.name}")
    assert empty == [], "\n".join(empty)

    told = alerts(prometheus)
    for group in rules()["groups"]:
        for rule in group["rules"]:
            name = rule["alert"]
            found = prometheus.over(rule["expr"], start=began, end=ended)
            note("alerts", f"{name} ({told[name]['state']})", len(found), numbers(found))
            assert told[name]["health"] == "ok", told[name]
    wait_until(
        lambda: alerts(prometheus)["StreamerAbsent"]["state"] == "inactive",
        "replicas are there",
        within=HAPPENED_WITHIN,
    )

    names = {name for name in prometheus.ask("v1/label/__name__/values") if name.startswith("streamer_")}
    known = {each.full_name for each in DEFINITIONS if each.kind != "histogram"}
    known |= {f"{each.full_name}_{part}" for each in DEFINITIONS if each.buckets for part in ("bucket", "sum", "count")}
    assert names == known, "what is scraped is what is documented"
