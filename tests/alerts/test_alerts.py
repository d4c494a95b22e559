from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamer.service.metric_definitions import DEFINITIONS
from tests.support.broker import ROOT
from tests.support.chart import VALUES, rendered
from tests.support.prometheus import RULES_FILE, rules
from tests.support.tools import installed

RULES = [rule for group in rules()["groups"] for rule in group["rules"]]
RUNBOOKS = (ROOT / "docs" / "runbooks.md").read_text()

Series = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Case:
    """An alert, series under which it fires after a while, and series under which it must not.

    Values are promtool's: `0+60x30` begins with 0 and adds 60 in each of 30 minutes.
    """

    alert: str
    fires: Series
    labels: Mapping[str, str] = field(default_factory=dict)
    summary: str
    quiet: Series
    at: str = "20m"


CASES = [
    Case(
        alert="StreamerAbsent",
        fires={'up{job="other"}': "1x30"},
        summary="No replica of the agent-status streamer is scraped",
        quiet={'streamer_build_info{instance="a"}': "1x30"},
    ),
    Case(
        alert="StreamerShardsUnowned",
        fires={
            'streamer_shards_owned{instance="a"}': "5x30",
            'streamer_shards_owned{instance="b"}': "6x30",
            'streamer_shards{instance="a"}': "12x30",
            'streamer_shards{instance="b"}': "12x30",
        },
        summary="11 shards are served, some tenants are not polled",
        quiet={  # a rebalance that takes a minute
            'streamer_shards_owned{instance="a"}': "6x18 0 6x11",
            'streamer_shards_owned{instance="b"}': "6x30",
            'streamer_shards{instance="a"}': "12x30",
            'streamer_shards{instance="b"}': "12x30",
        },
    ),
    Case(
        alert="StreamerTenantStale",
        fires={'streamer_poll_last_success_timestamp_seconds{tenant="t",source="s",instance="a"}': "300x30"},
        labels={"tenant": "t", "source": "s"},
        summary="Tenant t was last polled well 15m 0s ago",
        quiet={
            'streamer_poll_last_success_timestamp_seconds{tenant="t",source="s",instance="a"}': "300x30",
            'streamer_poll_last_success_timestamp_seconds{tenant="t",source="s",instance="b"}': "0+60x30",
            'streamer_poll_last_success_timestamp_seconds{tenant="p",source="s",instance="b"}': "300x30",
            'streamer_tenant_health{tenant="p",source="s",health="paused",instance="b"}': "1x30",
        },
    ),
    Case(
        alert="StreamerWatermarkOld",
        fires={'streamer_watermark_age_seconds{tenant="t",instance="a"}': "0+60x30"},
        labels={"tenant": "t"},
        summary="The stream of tenant t is complete up to 20m 0s ago",
        quiet={'streamer_watermark_age_seconds{tenant="t",instance="a"}': "0+60x9 5x20"},
    ),
    Case(
        alert="StreamerTenantAuthFailing",
        fires={'streamer_tenant_health{tenant="t",source="s",health="auth_failed",instance="a"}': "1x30"},
        labels={"tenant": "t", "source": "s", "health": "auth_failed"},
        summary="The vendor refuses tenant t: auth_failed",
        quiet={'streamer_tenant_health{tenant="t",source="s",health="failing",instance="a"}': "1x30"},
    ),
    Case(
        alert="StreamerTenantUnusable",
        fires={'streamer_tenant_health{tenant="t",source="s",health="unusable",instance="a"}': "1x30"},
        labels={"tenant": "t", "source": "s"},
        summary="The stored state of tenant t cannot be used; it is not polled",
        quiet={'streamer_tenant_health{tenant="t",source="s",health="degraded",instance="a"}': "1x30"},
    ),
    Case(
        alert="StreamerTenantUnconfigured",
        fires={
            'streamer_tenants_unconfigured{instance="a"}': "1x30",
            'streamer_tenants_unconfigured{instance="b"}': "2x30",
        },
        summary="3 tenants have rows but no config",
        quiet={'streamer_tenants_unconfigured{instance="a"}': "1x10 0x20"},
    ),
    Case(
        alert="StreamerPollErrors",
        fires={
            'streamer_polls_total{tenant="t",source="s",outcome="ok"}': "0+60x30",
            'streamer_polls_total{tenant="t",source="s",outcome="timeout"}': "0+40x30",
        },
        labels={"source": "s"},
        summary="40% of the polls of s fail",
        quiet={
            'streamer_polls_total{tenant="t",source="s",outcome="ok"}': "0+60x30",
            'streamer_polls_total{tenant="t",source="s",outcome="timeout"}': "0+6x30",
        },
    ),
    Case(
        alert="StreamerCommitsFailing",
        fires={
            'streamer_commits_total{outcome="committed"}': "0+600x30",
            'streamer_commits_total{outcome="fenced"}': "0x17 4x12",  # the first ones: the service begins at 0
        },
        labels={},
        summary="Shards were lost 4 times in 10 minutes because a commit failed",
        quiet={
            'streamer_commits_total{outcome="committed"}': "0+600x30",
            'streamer_commits_total{outcome="fenced"}': "0x15 2x15",
        },
    ),
    Case(
        alert="StreamerClockOff",
        fires={'streamer_clock_offset_seconds{instance="a"}': "-3x30"},
        labels={"instance": "a"},
        summary="The clocks of a and of Kafka are 3s apart",
        quiet={'streamer_clock_offset_seconds{instance="a"}': "0.4x30"},
    ),
    Case(
        alert="StreamerEventLoopLag",
        fires={
            'streamer_event_loop_lag_seconds_bucket{instance="a",le="0.5"}': "0+30x30",
            'streamer_event_loop_lag_seconds_bucket{instance="a",le="1"}': "0+60x30",
            'streamer_event_loop_lag_seconds_bucket{instance="a",le="+Inf"}': "0+60x30",
        },
        labels={"instance": "a"},
        summary="a is overloaded: its event loop runs 990ms late",
        quiet={
            'streamer_event_loop_lag_seconds_bucket{instance="a",le="0.005"}': "0+60x30",
            'streamer_event_loop_lag_seconds_bucket{instance="a",le="+Inf"}': "0+60x30",
        },
    ),
    Case(
        alert="StreamerConfigRefused",
        fires={'streamer_config_last_reload_successful{instance="a"}': "0x30"},
        labels={"instance": "a"},
        summary="a refuses the config in its files and goes on with the one before",
        quiet={'streamer_config_last_reload_successful{instance="a"}': "0x3 1x30"},
    ),
    Case(
        alert="StreamerSchemaUnregistered",
        fires={
            'streamer_schema_registered{subject="agent-status-value",instance="a"}': "1x30",
            'streamer_schema_registered{subject="agent-status-value",instance="b"}': "0x30",
        },
        labels={"subject": "agent-status-value"},
        summary="The schema registry can not be asked for agent-status-value, or refuses it",
        quiet={'streamer_schema_registered{subject="agent-status-value",instance="a"}': "0x10 1x20"},
    ),
]


def check(case: Case, series: Series, alerts: list[dict[str, Any]], folder: Path) -> None:
    """Have promtool feed series to the rules and compare the alerts."""
    told = {"eval_time": case.at, "alertname": case.alert, "exp_alerts": alerts}
    ask_promtool(series, folder, alert_rule_test=[told])


def ask_promtool(series: Series, folder: Path, **asked: Any) -> None:
    """Have promtool feed series, a value a minute, and look whether what is asked is as expected."""
    given = [{"series": name, "values": values} for name, values in series.items()]
    test = {
        "rule_files": [str(RULES_FILE)],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": given, **asked}],
    }
    file = folder / "test.yaml"
    file.write_text(yaml.safe_dump(test))
    done = subprocess.run(
        [installed("promtool"), "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_an_alert_fires_and_says_whom_it_is_about(case: Case, tmp_path: Path) -> None:
    """With the labels that route it and a sentence for whoever is woken up."""
    rule = next(each for each in RULES if each["alert"] == case.alert)
    alert = {
        "exp_labels": {**case.labels, **rule["labels"]},
        "exp_annotations": {"summary": case.summary, "runbook_url": rule["annotations"]["runbook_url"]},
    }
    check(case, case.fires, [alert], tmp_path)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_an_alert_keeps_quiet_while_there_is_nothing_to_do(case: Case, tmp_path: Path) -> None:
    """What passes by itself wakes nobody up."""
    check(case, case.quiet, [], tmp_path)


def test_what_a_tenant_counts_before_and_after_its_shard_moves_is_added_up(tmp_path: Path) -> None:
    """As docs/monitoring.md says to ask. One that comes back to a replica is seen too; one without its 0 is not."""
    counted = "streamer_held_agents_total"
    ask_promtool(
        {
            f'{counted}{{tenant="moved",instance="a"}}': "0 0 2 2 2 stale",
            f'{counted}{{tenant="moved",instance="b"}}': "_x6 0 0 1 1 1",
            f'{counted}{{tenant="back",instance="a"}}': "0 0 2 2 2 stale _ 0 0 2 2",
            f'{counted}{{tenant="unseen",instance="b"}}': "_x6 1 1 1 1 1",
        },
        tmp_path,
        promql_expr_test=[
            {
                "expr": f"sum by (tenant) (increase({counted}[11m])) >= bool {least}",
                "eval_time": "10m",
                "exp_samples": [
                    {"labels": f'{{tenant="{tenant}"}}', "value": value} for tenant, value in expected.items()
                ],
            }
            for least, expected in {
                3: {"moved": 1, "back": 1, "unseen": 0},
                4: {"moved": 0, "back": 1, "unseen": 0},
                0.1: {"moved": 1, "back": 1, "unseen": 0},
            }.items()
        ],
    )


def test_each_alert_has_its_case_and_its_runbook() -> None:
    """An alert that nobody has seen fire, or that says nothing of what to do, is none."""
    names = [rule["alert"] for rule in RULES]
    assert [case.alert for case in CASES] == names
    for rule in RULES:
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{rule['alert'].lower()}"
    assert re.findall(r"^## (\w+)$", RUNBOOKS, re.MULTILINE) == names


def test_alerts_ask_for_metrics_that_exist() -> None:
    """A misspelt metric never fires."""
    known = {each.full_name for each in DEFINITIONS} | {
        f"{each.full_name}_bucket" for each in DEFINITIONS if each.kind == "histogram"
    }
    asked = {name for rule in RULES for name in re.findall(r"streamer_\w+", rule["expr"])}
    assert asked <= known


def test_the_chart_hands_the_rules_to_the_prometheus_operator_as_they_are() -> None:
    """What is tested here is what is installed, but that the runbooks are where the values say."""
    values = VALUES["full"]
    [rule] = [each for each in rendered(values) if each["kind"] == "PrometheusRule"]
    elsewhere = values["monitoring"]["prometheusRule"]["runbooks"]
    assert rule["spec"] == yaml.safe_load(RULES_FILE.read_text().replace("docs/runbooks.md", elsewhere))
    assert elsewhere != "docs/runbooks.md"
