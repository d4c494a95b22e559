"""The short version of each campaign: several replicas share the shards, and what breaks leaves no trace."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.campaign.faults import KINDS
from tests.campaign.part import Part, play
from tests.campaign.size import SIZES
from tests.support.trial import shared_place

SIZE = "ci"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_happens_to_replicas_the_stream_is_true(
    kafka: str, topic_prefix: str, tmp_path: Path, kind: str, dice: random.Random
) -> None:
    """Three replicas share six shards; every rule of the oracle holds for a reader of committed events."""
    place = shared_place(kafka, topic_prefix, shards=SIZES[SIZE].shards)
    report = play(Part(kind=kind, size=SIZE, seed=dice.randrange(10_000)), place, tmp_path)
    print(report)  # noqa: T201 - pytest shows it where it fails, and with -s
    assert report.good, report
    assert report.events > 200
    assert report.promised > 20  # how many depends on the machine; none would make the oracle idle
