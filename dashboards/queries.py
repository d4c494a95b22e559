"""PromQL over the service's metrics: only names that exist, and of each only what the dashboard's variables choose."""

from __future__ import annotations

from typing import Final

from streamer.service.metric_definitions import DEFINITIONS

CHOSEN: Final = ("tenant", "source")
"""Labels that are variables of the dashboards; `job` is one too, and every series has it."""

RECENT: Final = "$__rate_interval"
"""Grafana's: at least four scrapes, and no shorter than the distance of two points on the screen."""

_KNOWN: Final = {each.name: each for each in DEFINITIONS}


def series(name: str, *conditions: str, suffix: str = "") -> str:
    """Return the selector of a metric, named without its prefix, with more conditions such as `outcome!="ok"`.

    Raises:
        KeyError: the service has no such metric.

    """
    known = _KNOWN[name]
    chosen = [f'{label}=~"${label}"' for label in ("job", *CHOSEN) if label in ("job", *known.labels)]
    return f"{known.full_name}{suffix}{{{','.join([*chosen, *conditions])}}}"


def rate(name: str, *conditions: str, suffix: str = "") -> str:
    """Return how fast each series of a counter grows, a second."""
    return f"rate({series(name, *conditions, suffix=suffix)}[{RECENT}])"


def quantile(share: float, name: str, *by: str) -> str:
    """Return what a share (0 to 1) of a histogram's recent observations stays below, for each of some labels."""
    return f"histogram_quantile({share}, sum by ({', '.join([*by, 'le'])}) ({rate(name, suffix='_bucket')}))"


def of_the_process(query: str) -> str:
    """Return a query of metrics that every program has, such as `process_open_fds`, for our processes alone."""
    return f"{query} and on (job, instance) {series('build_info')}"
