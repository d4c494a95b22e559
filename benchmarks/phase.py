"""How late a change is seen through a vendor's cache: polled at a fixed phase, and just after the refresh once learnt.

python -m benchmarks.phase [hours]

In virtual time, the same for every machine. Each row is the mean over tenants whose caches are refreshed at phases
spread evenly over the period, the time of learning included. `expected` is the theory's mean for a fixed phase: half the
cache's period and half an interval. No poll can do better in the mean than half the period and the way of the answer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Final, NamedTuple

from tests.support.cached_vendor import SPAN, Cached, Live, Run, Terms, Vendor, poll

PERIOD: Final = 10.0
TENANTS: Final = 20
PHASES: Final = tuple((number + 0.5) * PERIOD / TENANTS for number in range(TENANTS))


class Situation(NamedTuple):
    """A vendor by the tenant's phase, how it is polled, and the mean delay to expect of a fixed phase."""

    name: str
    vendor: Callable[[float], Vendor]
    terms: Terms
    expected: float | None


def cached(*, period: float = PERIOD, jitter: float = 0.0, restart: tuple[float, float] = (0.0, 0.0)) -> Situation:
    """Return a vendor with one cache; it is renamed by the table."""

    def vendor(phase: float) -> Vendor:
        return Cached([phase], period=period, jitter=jitter, restart=restart, seed=round(phase * 10))

    return Situation("", vendor, Terms(), (period + 10) / 2)


def two_nodes(phase: float) -> Vendor:
    """Return a vendor with two nodes whose caches are refreshed 3.7 s apart."""
    return Cached([phase, phase + 3.7], seed=round(phase * 10))


def situations() -> Sequence[Situation]:
    """Return the rows."""
    plain = cached()
    return (
        plain._replace(name="cache of 10 s, polled every 10 s"),
        *(
            plain._replace(
                name=f"  polled every {interval} s", terms=Terms(interval=interval), expected=5 + interval / 2
            )
            for interval in (1.0, 5.0, 7.0, 15.0)
        ),
        plain._replace(name="  answers take 50 to 350 ms", terms=Terms(jitter=0.3)),
        plain._replace(name="  answers take 50 to 1050 ms", terms=Terms(jitter=1.0)),
        cached(jitter=0.1)._replace(name="  refreshed 0.1 s early or late"),
        cached(jitter=0.5)._replace(name="  refreshed 0.5 s early or late"),
        cached(period=10.001)._replace(name="  refreshed every 10.001 s"),
        cached(period=10.01)._replace(name="  refreshed every 10.01 s"),
        cached(period=9.99)._replace(name="  refreshed every 9.99 s"),
        cached(period=10.05)._replace(name="  refreshed every 10.05 s"),
        cached(restart=(7200.0, 4.3))._replace(name="  restarted after 2 h"),
        Situation("two nodes, each with a cache", two_nodes, Terms(), None),
        Situation("no cache", lambda _: Live(), Terms(), 5.0),
    )


def runs(situation: Situation, *, cache: float, until: float) -> list[Run]:
    """Poll each tenant."""
    terms = situation.terms._replace(cache=cache)
    return [
        poll(situation.vendor(phase), terms._replace(seed=number), until=until) for number, phase in enumerate(PHASES)
    ]


def main(hours: float) -> None:
    """Print the table."""
    print(f"{'':34}{'expected':>9} |{'fixed phase':^28}|{'learnt phase':^40}")  # noqa: T201
    print(  # noqa: T201
        f"{'seconds of delay':34}{'fixed':>9} |{'mean':>8}{'p99':>8}{'polls/h':>10}  |"
        f"{'mean':>8}{'worst':>8}{'p99':>8}{'polls/h':>10}{'locked':>8}"
    )
    for situation in situations():
        expected = "" if situation.expected is None else f"{situation.expected:.2f}"
        until = min(hours * 3600, SPAN)
        fixed, learnt = (runs(situation, cache=cache, until=until) for cache in (0.0, PERIOD))
        print(  # noqa: T201
            f"{situation.name:34}{expected:>9} |"
            f"{fmean(run.mean for run in fixed):>8.2f}{fmean(run.percentile(0.99) for run in fixed):>8.2f}"
            f"{fmean(len(run.sent) for run in fixed) * 3600 / until:>10.0f}  |"
            f"{fmean(run.mean for run in learnt):>8.2f}{max(run.mean for run in learnt):>8.2f}"
            f"{fmean(run.percentile(0.99) for run in learnt):>8.2f}"
            f"{fmean(len(run.sent) for run in learnt) * 3600 / until:>10.0f}"
            f"{fmean(run.share for run in learnt):>8.0%}"
        )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
