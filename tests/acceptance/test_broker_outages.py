"""A broker that goes away and comes back: the service stays, says that it is not ready, and recovers by itself."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.programs import wait_until
from tests.support.trial import SCALE, Trial, TrialSettings, judge_trial, kafka_place, pause

if TYPE_CHECKING:
    from tests.conftest import OwnBroker
    from tests.support.broker import Broker

OUTAGES = 5 * SCALE
NOTICED_WITHIN = 30.0
RECOVERED_WITHIN = 60.0
LONGEST_DEADLINE = 15.0
"""Of all steps of the store but the restore: the one for starting a producer, of seconds."""


def check_outage(trial: Trial, broker: Broker, *, frozen: bool, longer: float = 0) -> None:
    """Wait until the outage is told, let it last so many seconds more, end it: not ready meanwhile, but alive."""
    wait_until(lambda: trial.service.get("/readyz")[0] == 503, "/readyz is 503", within=NOTICED_WITHIN)
    assert trial.service.get("/livez")[0] == 200
    assert trial.service.running
    pause(longer)
    assert trial.service.running
    if frozen:
        broker.thaw()
    else:
        broker.start()
    trial.service.wait_ready(within=RECOVERED_WITHIN)
    trial.wait_for_polls(2)


@pytest.mark.timeout(600 * SCALE)
def test_a_broker_stopped_and_started_again_and_again_loses_nothing(
    own_broker: OwnBroker, topic_prefix: str, tmp_path: Path, dice: random.Random
) -> None:
    """Stopped in good order or killed while changes go on, for longer than the deadlines or for a moment only."""
    broker = own_broker({})
    settings = TrialSettings(seed=dice.randrange(10_000), interval="400ms")
    with Trial(kafka_place(broker.bootstrap, topic_prefix), tmp_path, settings) as trial:
        trial.start()
        for number in range(OUTAGES):
            pause(dice.uniform(0.5, 1.5))
            broker.stop() if number % 2 == 0 else broker.kill()
            if number % 5 in {1, 3}:
                broker.start()
                trial.service.wait_ready(within=RECOVERED_WITHIN)
                trial.wait_for_polls(2)
            else:
                check_outage(trial, broker, frozen=False)
        verdict = judge_trial(trial)
    assert trial.service.starts == 1
    assert verdict.counts.changes > 20
    lines = len(trial.service.log().splitlines())
    assert lines < 50 * OUTAGES, "an outage floods the log"


@pytest.mark.every_kafka
@pytest.mark.timeout(300)
def test_a_frozen_broker_is_noticed_and_outlived(
    own_broker: OwnBroker, topic_prefix: str, tmp_path: Path, dice: random.Random
) -> None:
    """Frozen until a commit has met its deadline and then a take-over has too: nothing answers, nothing is refused."""
    broker = own_broker({})
    settings = TrialSettings(seed=dice.randrange(10_000), interval="400ms")
    with Trial(kafka_place(broker.bootstrap, topic_prefix), tmp_path, settings) as trial:
        trial.start()
        pause(dice.uniform(0.5, 1.5))
        broker.freeze()
        check_outage(trial, broker, frozen=True, longer=LONGEST_DEADLINE + 3)
        verdict = judge_trial(trial)
    assert trial.service.starts == 1
    assert verdict.counts.changes > 20


@pytest.mark.timeout(120)
def test_the_service_waits_for_a_broker_that_comes_later(
    own_broker: OwnBroker, topic_prefix: str, tmp_path: Path
) -> None:
    """Started first, it is alive and not ready, and begins when the broker is there."""
    broker = own_broker({})
    broker.stop()
    with Trial(kafka_place(broker.bootstrap, topic_prefix), tmp_path, TrialSettings(agents=5)) as trial:
        trial.service.start()
        wait_until(lambda: trial.service.get("/livez")[0] == 200, "/livez is 200")
        assert trial.service.get("/readyz")[0] == 503
        broker.start()
        trial.service.wait_ready(within=RECOVERED_WITHIN)
        trial.wait_for_polls(1)
        assert trial.service.stop() == 0
