"""A running service learns when a vendor's cache is refreshed, and asks just after that."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import pytest

from streamer.simulator import tenants_config
from tests.support.polled import STATISTICS
from tests.support.programs import ServiceProgram, SimulatorProgram, wait_until

TENANTS: Final = 12
"""Each has a cache that is refreshed at a phase of its own."""

CACHE: Final = 10.0
INTERVAL: Final = 2.5
"""Seconds. Unlearnt, the first poll after a refresh comes anywhere in an interval: half of them in its first half."""

SOON: Final = 1.0
"""Seconds after a refresh that count as just after it, on a machine with other things to do."""

LEARNT_WITHIN: Final = 180.0
"""In virtual time it takes 80 s at the most."""

OBSERVED: Final = 2
"""Refreshes of each tenant, after all was learnt."""


class Learnt(NamedTuple):
    """By tenant how late after each refresh the first poll came, in seconds; and how many polls there were in which time."""

    before: Mapping[str, Sequence[float]]
    after: Mapping[str, Sequence[float]]
    polls: Mapping[str, int]
    seconds: float


def first_polls(simulator: SimulatorProgram) -> Mapping[str, Sequence[float]]:
    """Return, by tenant, how late after each refresh the first answer came from it; the cache was empty at the first."""
    told = simulator.stats()["tenants"]
    offsets: dict[str, dict[int, float]] = {tenant: {} for tenant in told}
    for tenant, traffic in told.items():
        for at, refreshed in traffic["cached"]:
            offsets[tenant].setdefault(refreshed, (at - refreshed) / 1000)
    return {tenant: list(of_tenant.values())[1:] for tenant, of_tenant in offsets.items()}


def polled_soon(simulator: SimulatorProgram) -> bool:
    """Tell, once a second, whether all tenants but one were polled just after each of the last two refreshes."""
    time.sleep(1)
    latest = [offsets[-2:] for offsets in first_polls(simulator).values()]
    return sum(len(each) == 2 and max(each) < SOON for each in latest) >= TENANTS - 1


def learn(folder: Path) -> Learnt:
    """Poll until the phases are learnt, and then for some more refreshes."""
    options = ("--tenants", str(TENANTS), "--agents", "8", "--stats-cache", str(CACHE))
    with SimulatorProgram(*options, folder=folder) as simulator:
        config = {
            "store": f"sqlite:///{folder}/streamer.db",
            "defaults": {"interval": f"{round(INTERVAL * 1000)}ms"},
            "tenants": tenants_config(simulator.base_url, TENANTS, source=STATISTICS),
        }
        began = time.monotonic()
        with ServiceProgram(config, folder=folder) as service:
            service.wait_ready()
            wait_until(lambda: polled_soon(simulator), "the phases are learnt", within=LEARNT_WITHIN)
            before = first_polls(simulator)
            time.sleep(OBSERVED * CACHE + INTERVAL)
            everything = first_polls(simulator)
            samples, seconds = service.samples(), time.monotonic() - began
            assert service.stop() == 0, service.log_tail()
    polls = {tenant: samples.total("streamer_polls_total", tenant=tenant, outcome="ok") for tenant in everything}
    return Learnt(
        before=before,
        after={tenant: offsets[len(before[tenant]) :] for tenant, offsets in everything.items()},
        polls={tenant: round(count) for tenant, count in polls.items()},
        seconds=seconds,
    )


@pytest.mark.timeout(300)
def test_a_running_service_polls_just_after_the_refresh_once_it_has_learnt_when_that_is(tmp_path: Path) -> None:
    """The median tenant asks within half a second of it, where a fixed phase takes half an interval; polls are no more."""
    learnt = learn(tmp_path)
    first = [offsets[0] for offsets in learnt.before.values()]
    after = [offset for offsets in learnt.after.values() for offset in offsets]
    print(  # noqa: T201 - the figures
        f"learnt after {learnt.seconds - OBSERVED * CACHE - INTERVAL:.0f} s; first poll after a refresh, median: "
        f"{median(first):.2f} s in the beginning, {median(after):.2f} s in the end; worst in the end {max(after):.2f} s"
    )
    assert all(len(offsets) >= OBSERVED - 1 for offsets in learnt.after.values())
    assert median(after) < SOON / 2
    assert sum(offset < SOON for offset in after) > 0.6 * len(after)
    assert max(learnt.polls.values()) <= learnt.seconds / INTERVAL + 2
