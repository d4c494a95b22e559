"""Trials for the acceptance tests: on the real broker and on the embedded store, sized by the environment.

`STREAMER_TEST_SEED` repeats a run (each prints its seed), `STREAMER_TEST_SCALE` multiplies kills, outages and times:
`STREAMER_TEST_SCALE=10 make test ARGS="tests/acceptance"` is a campaign.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.trial import Place, kafka_place, new_dice, sqlite_place

if TYPE_CHECKING:
    from collections.abc import Callable

    MakePlace = Callable[[], Place]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies here, so that it can be chosen or left out."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("acceptance")
            item.add_marker("slow")


@pytest.fixture(params=["kafka", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Each store in turn."""
    if request.param == "sqlite":
        return sqlite_place(tmp_path)
    return kafka_place(request.getfixturevalue("kafka"), request.getfixturevalue("topic_prefix"))


@pytest.fixture
def dice() -> random.Random:
    """The randomness of a test."""
    return new_dice()
