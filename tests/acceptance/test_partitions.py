"""The number of partitions is frozen: who changes it is told what to do, and what the guide says works."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from tests.faults.place import disturbed_place
from tests.oracle import judge
from tests.support.programs import wait_until
from tests.support.readers import EVENTS, TOPICS
from tests.support.trial import PARTITIONS, Trial, TrialSettings, judge_trial, pause

NOTICED_WITHIN = 90.0
"""A member asks for the topics' partitions twice a minute."""

MORE = PARTITIONS + 2


def add_partitions(bootstrap: str, topic: str) -> None:
    """Do what the service can't bear."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    admin.create_partitions([NewPartitions(topic, MORE)])[topic].result(NOTICED_WITHIN)


@pytest.mark.timeout(300)
def test_partitions_that_are_added_end_the_service_and_a_new_prefix_is_the_way_on(
    kafka: str, topic_prefix: str, tmp_path: Path, dice: random.Random
) -> None:
    """While it runs and when it starts it says which topic it is and what to do; the old events stay true and readable."""
    topic = dice.choice(TOPICS)
    settings = TrialSettings(tenants=2, agents=20, seed=dice.randrange(10_000), interval="400ms")
    with Trial(disturbed_place(kafka, topic_prefix), tmp_path, settings) as trial:
        trial.start()
        trial.wait_for_polls(3)
        add_partitions(kafka, topic_prefix + topic)
        wait_until(lambda: not trial.service.running, "the service has ended", within=NOTICED_WITHIN)
        told = f"topic {topic_prefix}{topic} has {MORE} partitions, but kafka.partitions is {PARTITIONS}: the number is"
        assert told in trial.service.log_tail()
        trial.service.start()
        wait_until(lambda: not trial.service.running, "the service has ended again", within=NOTICED_WITHIN)
        assert trial.service.log().count(told) == 2
        assert trial.service.stop() == 1
        verdict = judge(trial.evidence())
        assert not verdict.violations, verdict

        trial.move(disturbed_place(kafka, f"{topic_prefix}new-", partitions=MORE))
        trial.start()
        pause(2)
        verdict = judge_trial(trial)
    events = trial.place.reader.read(EVENTS)
    assert len({event.key.partition(b"|")[0] for event in events if b'"baseline"' in (event.value or b"")}) == 2
    assert verdict.counts.changes
