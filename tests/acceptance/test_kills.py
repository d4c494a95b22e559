"""kill -9 at random moments: nothing lost, nothing doubled, no chain broken."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.broker import VERSIONS
from tests.support.trial import SCALE, Place, Trial, TrialSettings, judge_trial, kafka_place, pause

if TYPE_CHECKING:
    from tests.conftest import SharedKafka
    from tests.oracle.judge import Counts

KILLS = 20 * SCALE
FEWER_KILLS = 5 * SCALE


@pytest.mark.timeout(600 * SCALE)
def test_kills_at_random_moments_leave_no_trace_in_the_stream(
    place: Place, tmp_path: Path, dice: random.Random
) -> None:
    """Killed while starting, restoring, polling and committing, it goes on as if it had been one process."""
    counts = check_kills(place, tmp_path, dice, KILLS, speed=30.0)
    assert counts.changes > 20
    assert counts.promised  # how many depends on the machine; none would make the oracle idle


@pytest.mark.kafka
@pytest.mark.timeout(600 * SCALE)
@pytest.mark.parametrize("version", VERSIONS[1:])
def test_kills_leave_no_trace_on_older_kafkas_either(
    shared_kafka: SharedKafka, version: str, topic_prefix: str, tmp_path: Path, dice: random.Random
) -> None:
    """What a killed producer left open is ended by the next one, whatever the brokers make of transactions."""
    place = kafka_place(shared_kafka(version), topic_prefix)
    counts = check_kills(place, tmp_path, dice, FEWER_KILLS, speed=10.0)
    assert counts.changes > 20
    assert counts.promised


def check_kills(place: Place, folder: Path, dice: random.Random, kills: int, *, speed: float) -> Counts:
    """Kill a service so many times and have the oracle judge what it published."""
    settings = TrialSettings(seed=dice.randrange(10_000), speed=speed, interval="250ms", heartbeat="400ms")
    with Trial(place, folder, settings) as trial:
        trial.start()
        pause(1)
        while_starting = 0
        for _ in range(kills):
            trial.service.kill()
            trial.service.start()
            if dice.random() < 0.2:
                pause(dice.uniform(0, 0.8))  # still starting, taking over or restoring
                while_starting += 1
            else:
                trial.service.wait_ready()
                pause(dice.uniform(0, 1.2))
        trial.service.wait_ready()
        trial.wait_for_polls(10)  # little is promised without some calm
        verdict = judge_trial(trial)
        print(f"{kills} kills, {while_starting} of them while starting")  # noqa: T201
    assert trial.service.starts == kills + 1
    return verdict.counts
