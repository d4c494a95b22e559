"""The Helm chart, and what it makes of values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml
from helm_python.chart import Chart

from tests.support.broker import ROOT

CHART = ROOT / "helm" / "agent-status-streamer"
VALUES = {path.stem.removesuffix("-values"): yaml.safe_load(path.read_text()) for path in CHART.glob("ci/*.yaml")}
"""The values that the chart is tested with, by the names of their files."""

Object = Mapping[str, Any]


def manifests(values: Mapping[str, Any]) -> list[str]:
    """Return the YAML of each object that the chart makes of some values.

    Raises:
        HelmError: it makes none of these.

    """
    of_file = Chart.load(CHART).render(dict(values), name="release", namespace="statuses")
    texts = (text for name, text in sorted(of_file.items()) if name.endswith(".yaml"))
    return [each for text in texts for each in re.split(r"^---$", text, flags=re.MULTILINE) if yaml.safe_load(each)]


def rendered(values: Mapping[str, Any]) -> list[Object]:
    """Return the objects that the chart makes of some values; see `manifests`."""
    return [yaml.safe_load(each) for each in manifests(values)]
