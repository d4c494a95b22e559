"""What is published is what truly happened, read by clients that nobody here wrote."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.readers import TOPICS, KafkaReader
from tests.support.trial import SCALE, Place, Trial, TrialSettings, judge_trial, kafka_place, leaks, pause


@pytest.mark.timeout(120)
def test_the_stream_tells_the_truth_and_nothing_else(place: Place, tmp_path: Path, dice: random.Random) -> None:
    """Chain, kinds, intervals, durations, watermark, table and end agree with the simulator's true history."""
    with Trial(place, tmp_path, TrialSettings(seed=dice.randrange(10_000))) as trial:
        trial.start()
        pause(12 * SCALE)
        verdict = judge_trial(trial)
        manners = trial.simulator.stats()["manners"]
    counts = verdict.counts
    assert counts.agents >= 150
    assert counts.events > 600
    assert counts.promised > 100, "the oracle had nothing to ask for"
    assert set(manners.values()) == {0}, f"bad manners towards the vendor: {manners}"


@pytest.mark.timeout(120)
def test_kcat_and_confluent_read_the_same_three_topics(
    kafka: str, topic_prefix: str, tmp_path: Path, dice: random.Random
) -> None:
    """Two clients of other people's get the same keys, values and headers in the same places."""
    place = kafka_place(kafka, topic_prefix)
    with Trial(place, tmp_path, TrialSettings(agents=20, seed=dice.randrange(10_000))) as trial:
        trial.start()
        pause(4)
        judge_trial(trial)
    reader = KafkaReader(kafka, topic_prefix)
    for topic in TOPICS:
        messages = reader.read(topic)
        assert len(messages) > 10
        assert reader.read_with_kcat(topic) == messages


@pytest.mark.timeout(120)
def test_neither_logs_nor_metrics_hold_secrets_or_agents(
    kafka: str, topic_prefix: str, tmp_path: Path, dice: random.Random
) -> None:
    """Polling well, failing in many ways, killed and ending: no line has a password, an agent's id or a name."""
    settings = TrialSettings(seed=dice.randrange(10_000))
    with Trial(kafka_place(kafka, topic_prefix), tmp_path, settings) as trial:
        trial.start()
        pause(2)
        trial.simulator.faults("500:0.1,wrong-types:0.2,missing-agent-id:0.2,401:0.1,redirect:0.1,truncated:0.1")
        pause(3)
        trial.service.kill()
        trial.start()
        pause(2)
        metrics = trial.service.get("/metrics")[1]
        page = trial.service.get("/")[1]
        trial.simulator.faults("")
        trial.service.stop()
        said = {"log": trial.service.log(), "stdout": trial.service.output(), "metrics": metrics, "page": page}
        assert said["log"], "nothing was logged at all"
        assert not leaks(trial, said)


@pytest.mark.timeout(120)
def test_metrics_agree_with_what_was_published(
    kafka: str, topic_prefix: str, tmp_path: Path, dice: random.Random
) -> None:
    """The service's own figures are those of the topics."""
    with Trial(kafka_place(kafka, topic_prefix), tmp_path, TrialSettings(seed=dice.randrange(10_000))) as trial:
        trial.start()
        pause(3)
        trial.settle()
        metric = trial.service.metric
        changes = metric("streamer_status_changes_total")
        agents = metric("streamer_agents")
        commits = metric("streamer_commits_total", outcome="committed")
        lost = metric("streamer_commits_total") - commits
        owned = metric("streamer_shards_owned")
        offset = metric("streamer_clock_offset_seconds")
        ages = [metric("streamer_watermark_age_seconds", tenant=tenant) for tenant in trial.tenants]
        assert trial.service.stop() == 0
        evidence = trial.evidence()
    assert changes == len(evidence.events)
    present = {(line["tenant"], line["agent"]): line["present"] for line in evidence.truth if "agent" in line}
    assert agents == sum(present.values())
    assert (lost, owned) == (0, 3)
    assert commits > 3
    assert abs(offset) < 1
    assert all(0 <= age < 3 for age in ages), ages
