"""Who serves which shard, where the group can't say: two owners by mistake, a broker that is away, a loop that stands."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.programs import ServiceProgram, wait_until
from tests.support.trial import PARTITIONS, SCALE, Trial, TrialSettings, judge_trial, kafka_place, pause, shared_place

if TYPE_CHECKING:
    from tests.conftest import OwnBroker

DUEL = 20.0 * SCALE
NOTICED_WITHIN = 30.0
LET_GO_WITHIN = 60.0
RECOVERED_WITHIN = 60.0


@pytest.mark.timeout(200 * SCALE)
def test_two_replicas_that_both_believe_to_own_every_shard_do_no_harm(
    kafka: str, topic_prefix: str, tmp_path: Path, dice: random.Random
) -> None:
    """By static maps that overlap: each fences the other, ever more slowly, and every event is published once."""
    settings = TrialSettings(seed=dice.randrange(10_000), interval="250ms", heartbeat="1s")
    with Trial(kafka_place(kafka, topic_prefix), tmp_path, settings) as trial:
        trial.start()
        (tmp_path / "other").mkdir()
        with ServiceProgram(trial.config(), folder=tmp_path / "other") as other:
            pause(DUEL)
            fenced = [each.metric("streamer_producer_resets_total", reason="fenced") for each in (trial.service, other)]
            assert other.metric("streamer_polls_total", outcome="ok") > 0
            assert other.stop() == 0, other.log_tail()
        verdict = judge_trial(trial)
        print(f"fenced {fenced} times in {DUEL:.0f} s, {PARTITIONS} shards")  # noqa: T201
    assert min(fenced) > 0, "there was no duel"
    assert sum(fenced) < PARTITIONS * DUEL, "they fence each other in a tight loop"
    assert verdict.counts.changes > 20


@pytest.mark.timeout(300)
def test_replicas_with_nothing_to_commit_notice_that_kafka_is_away_and_recover_by_themselves(
    own_broker: OwnBroker, topic_prefix: str, tmp_path: Path
) -> None:
    """The group's heartbeat tells. They stay alive, say that they are not ready, and let the shards go after a while."""
    broker = own_broker({})
    place = shared_place(broker.bootstrap, topic_prefix, partitions=PARTITIONS)
    settings = TrialSettings(agents=5, speed=0.001, heartbeat="60s")  # nobody changes, nothing is due
    with Trial(place, tmp_path, settings) as trial:
        trial.start()
        (tmp_path / "other").mkdir()
        with ServiceProgram(trial.config(), folder=tmp_path / "other") as other:
            replicas = [trial.service, other.wait_ready()]

            def owned() -> float:
                return sum(each.metric("streamer_shards_owned") for each in replicas)

            wait_until(lambda: owned() == PARTITIONS, "all shards are served", within=NOTICED_WITHIN)
            broker.freeze()
            wait_until(
                lambda: all(_unready(each, "group: ") for each in replicas),
                "/readyz names the group",
                within=NOTICED_WITHIN,
            )
            assert all(each.get("/livez")[0] == 200 for each in replicas)
            wait_until(lambda: owned() == 0, "the shards are let go", within=LET_GO_WITHIN)
            assert all(each.running for each in replicas)
            broker.thaw()
            for each in replicas:
                each.wait_ready(within=RECOVERED_WITHIN)
            wait_until(
                lambda: owned() == PARTITIONS and all(each.metric("streamer_shards_owned") for each in replicas),
                "all shards are served, some by each",
                within=RECOVERED_WITHIN,
            )
            assert other.stop() == 0, other.log_tail()
        judge_trial(trial)
    assert trial.service.starts == other.starts == 1


def _unready(service: ServiceProgram, why: str) -> bool:
    status, text = service.get("/readyz")
    return status == 503 and why in text
