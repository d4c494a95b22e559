"""The short version of each campaign: several replicas share the shards, and what breaks leaves no trace."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.campaign.faults import KINDS
from tests.campaign.part import play
from tests.campaign.size import Part


@pytest.mark.every_kafka
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_happens_to_replicas_the_stream_is_true(
    topic_prefix: str, tmp_path: Path, kind: str, kafka_version: str, dice: random.Random
) -> None:
    """Three replicas share six shards; every rule of the oracle holds for a reader of committed events."""
    part = Part(kind=kind, size="ci", seed=dice.randrange(10_000), kafka=kafka_version)
    with part.cluster() as cluster:
        report = play(part, cluster, prefix=topic_prefix, folder=tmp_path)
    print(report)  # noqa: T201 - pytest shows it where it fails, and with -s
    assert report.good, report
    assert report.events > 150  # 120 are there at the start; how many come depends on the machine
    assert report.promised  # none would make the oracle idle; the slower the machine, the fewer there are
