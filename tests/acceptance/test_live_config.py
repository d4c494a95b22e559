"""The config changes while the service runs: what changed takes effect, nobody else notices, and the stream stays true."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaign.polls import PollLog
from tests.support.churn import ConfigChurn
from tests.support.files import WAYS
from tests.support.programs import PASSWORD, wait_until
from tests.support.readers import EVENTS
from tests.support.trial import (
    ABSENT_AFTER,
    RELOADED,
    SCALE,
    SETTLE_WITHIN,
    Place,
    Trial,
    TrialSettings,
    judge_trial,
    kafka_place,
    pause,
)

pytestmark = pytest.mark.timeout(400)

READY = {"agent-status": 4, "agent-sub-status": "none"}

CHANGES = 15 * SCALE
"""Config changes while the load goes on, about as many seconds long."""

UNPARKED_WITHIN = 60.0
"""Seconds; a parked tenant that nobody mended is tried again after five minutes."""


@pytest.fixture
def place(kafka: str, topic_prefix: str) -> Place:
    """On the real broker."""
    return kafka_place(kafka, topic_prefix)


@pytest.fixture
def still(place: Place, tmp_path: Path) -> Iterator[Trial]:
    """Three tenants of twelve agents who do nothing but what a test makes them do."""
    settings = TrialSettings(agents=12, speed=0.0001, churn=0, interval="200ms", heartbeat="300ms")
    with Trial(place, tmp_path, settings) as trial:
        trial.start()
        trial.wait_for_polls(2)
        yield trial


def agents_of(trial: Trial, tenant: str) -> list[str]:
    """Return the ids of a tenant's agents."""
    return sorted({line["agent"] for line in trial.simulator.truth() if line.get("tenant") == tenant})


def changes_of(trial: Trial, tenant: str) -> list[str]:
    """Return what was published of a tenant, in short."""
    values = [json.loads(message.value or b"") for message in trial.place.reader.read(EVENTS)]
    return [value["change"] for value in values if value["tenant"] == tenant]


def wait_for_health(trial: Trial, tenant: str, health: str) -> None:
    """Wait until a tenant's record says so."""
    wait_until(lambda: trial.last_records()[tenant]["health"] == health, f"{tenant} is {health}", within=SETTLE_WITHIN)


def test_operators_keys_take_effect_without_a_restart_and_once(still: Trial) -> None:
    """Paused and on again, resync once a token, an agent forgotten, the tenant forgotten: all in one life."""
    tenant, *others = still.tenants
    gone, *present = agents_of(still, tenant)
    still.change({tenant: {"paused": True}})
    wait_for_health(still, tenant, "paused")
    still.simulator.set(tenant, gone, None)
    still.change({tenant: {}})
    still.wait_for_polls(ABSENT_AFTER + 1)
    assert changes_of(still, tenant) == ["baseline"] * 12 + ["disappeared"]
    for token, interval in (("first", "200ms"), ("first", "250ms"), ("second", "250ms")):
        still.change({tenant: {"resync": token, "interval": interval}})
        still.wait_for_polls(2)
    assert changes_of(still, tenant)[13:] == ["resync"] * 22
    still.change({tenant: {"resync": "second", "forget_agents": [gone, present[0]]}})
    wait_until(lambda: "still present" in still.service.log(), "the other is refused", within=SETTLE_WITHIN)
    still.simulator.set(tenant, gone, READY)
    still.wait_for_polls(3)  # the first may have been asked before; the last is counted before it is committed
    assert changes_of(still, tenant)[35:] == ["appeared"]
    still.change({tenant: {"forget": True}})
    wait_for_health(still, tenant, "forgotten")
    still.change(without=[tenant])
    still.wait_for_polls(1, others)
    assert still.service.samples().total("streamer_polls_total", tenant=tenant) == 0, "its series are gone"
    assert still.service.metric("streamer_tenants_unconfigured") == 0
    assert still.service.starts == 1
    judge_trial(still, settled=others, forgotten={(tenant, agent) for agent in (gone, *present)})


def test_a_mended_secret_unparks_and_a_bad_config_changes_nothing(still: Trial, tmp_path: Path) -> None:
    """Neither costs a restart; the log names the place of a mistake once, and no secret ever."""
    tenant, *others = still.tenants
    secret = tmp_path / "secret"
    secret.write_text("no-longer-valid")
    keys = {tenant: {"password": {"file": str(secret)}}}
    still.change(keys)
    wait_for_health(still, tenant, "auth_failed")
    secret.write_text(PASSWORD)
    wait_until(lambda: still.last_records()[tenant]["health"] == "ok", "it is polled again", within=UNPARKED_WITHIN)

    still.service.write(still.service.text(still.config(keys)).replace("heartbeat:", "hartbeet:"))
    wait_until(
        lambda: still.service.metric("streamer_config_last_reload_successful") == 0, "it is told", within=SETTLE_WITHIN
    )
    reloaded = still.service.metric(RELOADED)
    still.wait_for_polls(2)
    [told] = [line for line in still.service.log().splitlines() if "config is refused" in line]
    assert "defaults.hartbeet: unknown key — did you mean 'heartbeat'?" in json.loads(told)["problem"]
    still.change(keys, without=[tenant])
    assert still.service.metric("streamer_config_last_reload_successful") == 1
    assert still.service.metric(RELOADED) > reloaded
    wait_for_health(still, tenant, "unconfigured")
    still.change(keys)
    wait_for_health(still, tenant, "ok")
    assert "no-longer-valid" not in still.service.log()
    assert still.service.starts == 1
    judge_trial(still)
    assert {changes_of(still, each)[-1] for each in (tenant, *others)} == {"baseline"}


def test_a_tenant_whose_secret_is_not_there_is_waited_for_and_keeps_nobody_else_waiting(
    place: Place, tmp_path: Path
) -> None:
    """At the start, where there is no config in use to stay with, and without a restart when it comes."""
    settings = TrialSettings(agents=12, interval="200ms", heartbeat="300ms")
    with Trial(place, tmp_path, settings) as trial:
        tenant, *others = trial.tenants
        secret = tmp_path / "secrets" / "late"
        trial.service.configure(trial.config({tenant: {"password": {"file": str(secret)}}}))
        trial.start()
        trial.wait_for_polls(2, others)
        wait_until(
            lambda: trial.service.metric("streamer_polls_total", tenant=tenant, outcome="secret_unreadable") >= 2,
            "its polls fail",
        )
        assert f"{secret} cannot be read" in trial.service.log()
        assert trial.good_polls(tenant) == 0
        secret.parent.mkdir()
        secret.write_text(PASSWORD)
        trial.wait_for_polls(2, [tenant])
        assert trial.service.starts == 1
        judge_trial(trial)


def test_a_config_that_never_rests_leaves_the_stream_true_and_the_others_alone(
    place: Place, tmp_path: Path, dice: random.Random
) -> None:
    """Under load: tenants that no change is about are polled as often as before, and every rule holds for all."""
    settings = TrialSettings(tenants=6, agents=30, heartbeat="2s", seed=dice.randrange(10_000))
    with Trial(place, tmp_path, settings) as trial:
        trial.start()
        churn = ConfigChurn(trial.tenants, folder=tmp_path, dice=dice)
        log, began = PollLog(trial.simulator.requests), time.monotonic()
        pause(5)
        calm = sum(len(log.more()[tenant]) for tenant in churn.left_alone) / (time.monotonic() - began)
        before, began = sum(len(log.more()[tenant]) for tenant in churn.left_alone), time.monotonic()
        for _ in range(CHANGES):
            churn.change()
            text, way = trial.service.text(churn.applied(trial.config())), dice.choice(WAYS)
            if dice.random() < 0.2:
                trial.service.write(churn.mistaken(text), dice.choice(WAYS))
                pause(dice.uniform(0, 1))
            trial.service.write(text, way)
            if dice.random() < 0.5:
                trial.service.hang_up()
            pause(dice.uniform(0.1, 1.5))
        polls = sum(len(log.more()[tenant]) for tenant in churn.left_alone) - before
        rate = polls / (time.monotonic() - began)
        print(f"{dict(churn.done)}; polls of others a second: {calm:.2f} before, {rate:.2f} meanwhile")  # noqa: T201
        churn.rest()
        trial.service.configure(churn.applied(trial.config()))
        for tenant in trial.tenants:
            wait_for_health(trial, tenant, "ok")
        assert rate > calm / 2, "machines are noisy, but not so"
        assert trial.service.starts == 1
        verdict = judge_trial(trial)
        assert verdict.counts.promised
