"""What is published is what truly happened, read by clients that nobody here wrote.

One trial on each store, looked at from several sides.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.oracle import Evidence, Message, Verdict, judge, same_stream
from tests.oracle.truth import histories
from tests.support.programs import Samples, wait_until
from tests.support.readers import QUEUES, TOPICS, KafkaReader
from tests.support.trial import (
    SCALE,
    Place,
    Trial,
    TrialSettings,
    kafka_place,
    leaks,
    new_dice,
    pause,
    sqlite_place,
)


@dataclass(frozen=True, kw_only=True)
class Played:
    """A trial that is over: what was published and true, and what else there was to see."""

    place: Place
    evidence: Evidence
    verdict: Verdict
    live: list[Message]
    samples: Samples
    manners: Mapping[str, Any]
    leaked: set[tuple[str, str]]


@pytest.fixture(scope="module", params=["kafka", "sqlite"])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Three tenants of fifty busy agents, polled twice a second."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "kafka":
        place = kafka_place(request.getfixturevalue("kafka"), f"t{secrets.token_hex(6)}-")
    else:
        place = sqlite_place(folder)
    with Trial(place, folder, TrialSettings(seed=new_dice().randrange(10_000))) as trial:
        trial.start()
        pause(12 * SCALE)
        trial.settle()
        samples, page = trial.service.samples(), trial.service.get("/")[1]
        metrics = trial.service.get("/metrics")[1]
        assert trial.service.stop() == 0, trial.service.log_tail()
        evidence = trial.evidence(settled=trial.tenants)
        said = {"log": trial.service.log(), "out": trial.service.output(), "metrics": metrics, "page": page}
        yield Played(
            place=place,
            evidence=evidence,
            verdict=judge(evidence),
            live=trial.seen_live(len(evidence.events)),
            samples=samples,
            manners=trial.simulator.stats()["manners"],
            leaked=leaks(trial, said),
        )


@pytest.mark.timeout(120 * SCALE)
def test_the_stream_tells_the_truth_and_nothing_else(played: Played) -> None:
    """Chain, kinds, intervals, durations, watermark, table and end agree with the simulator's true history."""
    verdict, counts = played.verdict, played.verdict.counts
    print(f"{played.place.name}: {verdict}")  # noqa: T201 - the figures
    assert not verdict.violations, verdict
    assert counts.agents >= 150
    assert counts.changes > 20
    assert counts.promised, "the oracle had nothing to ask for"


@pytest.mark.timeout(120 * SCALE)
def test_a_reader_that_reads_along_sees_what_is_there_in_the_end(played: Played) -> None:
    """Nothing that a read_committed reader was given is ever taken back."""
    assert not list(same_stream(played.live, played.evidence.events))


@pytest.mark.timeout(120 * SCALE)
@pytest.mark.parametrize("played", ["kafka"], indirect=True)
def test_kcat_and_confluent_read_the_same_topics(played: Played) -> None:
    """Two clients of other people's get the same keys, values and headers in the same places."""
    if shutil.which("kcat") is None:
        pytest.skip("no kcat on the PATH: install it (Debian, Ubuntu: apt-get install kcat)")
    reader = played.place.reader
    assert isinstance(reader, KafkaReader)
    for topic in TOPICS:
        messages = reader.read(topic)
        assert len(messages) > (0 if topic == QUEUES else 10)  # no queue is polled here: the claims alone
        assert reader.read_with_kcat(topic) == messages


@pytest.mark.timeout(120 * SCALE)
def test_metrics_agree_with_what_was_published(played: Played) -> None:
    """The service's own figures are those of the topics."""
    samples, evidence = played.samples, played.evidence
    assert samples.total("streamer_status_changes_total") == len(evidence.events)
    present = {who: spells[-1].key is not None for who, spells in histories(evidence.truth).items()}
    assert samples.total("streamer_agents") == sum(present.values())
    good, late = (samples.total("streamer_polls_total", outcome=each) for each in ("ok", "timeout"))
    assert samples.total("streamer_polls_total") == good + late  # the timeout is the interval: half a second
    assert good > max(10, 4 * late)
    committed = samples.total("streamer_commits_total", outcome="committed")
    assert committed == samples.total("streamer_commits_total") > 10
    assert samples.total("streamer_shards_owned") == (3 if played.place.name == "kafka" else 1)
    assert abs(samples.total("streamer_clock_offset_seconds")) < 1
    for tenant in {tenant for tenant, _ in present}:
        assert 0 <= samples.total("streamer_watermark_age_seconds", tenant=tenant) < 5


@pytest.mark.timeout(120 * SCALE)
def test_the_vendor_sees_good_manners(played: Played) -> None:
    """No cookie comes back, no redirect is followed, no request lacks its credentials."""
    assert set(played.manners.values()) == {0}


@pytest.mark.timeout(120 * SCALE)
def test_nothing_private_is_in_logs_metrics_or_the_page(played: Played) -> None:
    """No password, agent's id or name, in what a good run says."""
    assert not played.leaked


@pytest.mark.timeout(120)
def test_nothing_private_is_said_of_what_goes_wrong(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    """Failing in many ways, parked, killed and ending: no line has a password, an agent's id or a name."""
    settings = TrialSettings(seed=new_dice().randrange(10_000))
    with Trial(kafka_place(kafka, topic_prefix), tmp_path, settings) as trial:
        trial.start()
        trial.simulator.faults("500:0.1,wrong-types:0.2,missing-agent-id:0.2,401:0.1,redirect:0.1,truncated:0.1")
        pause(3)
        trial.service.kill()
        trial.start()
        wait_until(lambda: "invalid_body" in trial.service.get("/metrics")[1], "a body was no good")
        metrics = trial.service.get("/metrics")[1]
        trial.service.stop()
        said = {"log": trial.service.log(), "out": trial.service.output(), "metrics": metrics}
        assert "invalid_body" in metrics
        assert not leaks(trial, said)
