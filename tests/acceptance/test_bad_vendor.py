"""A vendor that errs, lies about who is listed, or hangs: no false change, and polling goes on."""

from __future__ import annotations

import random
import time
from functools import partial
from pathlib import Path

import pytest

from streamer.simulator import KINDS
from tests.oracle import Span
from tests.support.programs import wait_until
from tests.support.trial import SCALE, Trial, TrialSettings, judge_trial, pause, sqlite_place

ERRORS = ("429", "500", "503", "html", "content-type", "invalid-json", "nan", "invalid-utf8", "duplicate-agent")
BROKEN = ("missing-agent-id", "wrong-types", "wrong-top-level", "truncated", "reset", "empty-body", "redirect")
ODD = ("shuffled", "extra-fields", "gzip", "set-cookie", "drip:0.05:0.2", "slow:0.05:0.2")


def share(names: tuple[str, ...], probability: float) -> str:
    """Give each fault that says no probability this one."""
    return ",".join(name if ":" in name else f"{name}:{probability}" for name in names)


def most_met(trial: Trial, names: tuple[str, ...]) -> bool:
    """Tell whether the polls ran into most of these faults so far, whichever tenant's."""
    tenants = trial.simulator.stats()["tenants"].values()
    met = {name for tenant in tenants for name in tenant["faults"]}
    return 2 * len({name.partition(":")[0] for name in names} & met) > len(names)


@pytest.mark.timeout(180)
def test_no_fault_of_the_vendor_makes_a_false_change(tmp_path: Path, dice: random.Random) -> None:
    """Errors, broken bodies and odd answers: what is told stays true, and each poll has an outcome."""
    assert all(name.partition(":")[0] in KINDS for name in (*ERRORS, *BROKEN, *ODD))
    with Trial(sqlite_place(tmp_path), tmp_path, TrialSettings(seed=dice.randrange(10_000), interval="250ms")) as trial:
        trial.start()
        for names, probability in ((ODD, 0.15), (ERRORS, 0.03), (BROKEN, 0.03)):
            trial.simulator.faults(share(names, probability))
            pause(4 * SCALE)
            wait_until(partial(most_met, trial, names), f"most of {names} met")
        metric = trial.service.metric
        polls, good = metric("streamer_polls_total"), metric("streamer_polls_total", outcome="ok")
        trial.simulator.faults("")
        judge_trial(trial)
        manners = trial.simulator.stats()["manners"]
    assert polls > good > 0
    assert (manners["redirects_followed"], manners["foreign_cookies"], manners["redirected_credentials"]) == (0, 0, 0)


@pytest.mark.timeout(120)
def test_lists_that_lie_about_who_is_there_make_nobody_disappear(tmp_path: Path, dice: random.Random) -> None:
    """Empty and half lists, again and again: changes of those shown go on, and nobody is gone who is there."""
    settings = TrialSettings(seed=dice.randrange(10_000), interval="250ms", churn=0)
    with Trial(sqlite_place(tmp_path), tmp_path, settings) as trial:
        trial.start()
        pause(1)
        trial.simulator.faults("empty-list:0.2,half-missing:0.5")
        began = time.time_ns() // 1_000_000
        pause(6)
        held = trial.service.metric("streamer_held_snapshots_total")
        trial.simulator.faults("")
        verdict = judge_trial(trial, lies=[Span(began, time.time_ns() // 1_000_000)])
    assert held
    assert verdict.counts.changes > 20


@pytest.mark.timeout(240)
def test_a_tenant_in_trouble_delays_nobody_else(tmp_path: Path, dice: random.Random) -> None:
    """One tenant's vendor refuses the key, another's hangs beyond the timeout: the third is polled on time."""
    settings = TrialSettings(seed=dice.randrange(10_000), interval="250ms")
    with Trial(sqlite_place(tmp_path), tmp_path, settings) as trial:
        trial.start()
        refused, slow, well = trial.tenants
        metric = trial.service.metric

        def polls_within(seconds: float) -> float:
            before = metric("streamer_polls_total", tenant=well, outcome="ok")
            pause(seconds)
            return metric("streamer_polls_total", tenant=well, outcome="ok") - before

        calm = polls_within(5)
        trial.simulator.faults("401", tenant=refused)
        trial.simulator.faults("slow:1:20", tenant=slow)
        wait_until(lambda: polls_within(5) > calm / 2, "the third is polled about as often as before")
        wait_until(
            lambda: metric("streamer_polls_total", tenant=slow, outcome="timeout") >= 1,
            "the slow vendor's polls end by their timeout",
        )
        assert trial.service.ready(), "a vendor's outage is not the service's"
        health = {refused: "auth_failed", slow: "failing", well: "ok"}
        wait_until(
            lambda: {tenant: record["health"] for tenant, record in trial.last_records().items()} == health,
            f"the health of the tenants is {health}",
        )
        assert metric("streamer_polls_total", tenant=refused, outcome="auth_failed") == 2, "it is parked"
        assert trial.service.stop() == 0
