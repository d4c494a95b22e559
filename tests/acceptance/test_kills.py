"""kill -9 at random moments: nothing lost, nothing doubled, no chain broken."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.trial import SCALE, Place, Trial, TrialSettings, judge_trial, pause

KILLS = 20 * SCALE


@pytest.mark.timeout(600 * SCALE)
def test_kills_at_random_moments_leave_no_trace_in_the_stream(
    place: Place, tmp_path: Path, dice: random.Random
) -> None:
    """Killed while starting, restoring, polling and committing, it goes on as if it had been one process."""
    settings = TrialSettings(seed=dice.randrange(10_000), interval="250ms", heartbeat="400ms")
    with Trial(place, tmp_path, settings) as trial:
        trial.start()
        pause(1)
        while_starting = 0
        for _ in range(KILLS):
            trial.service.kill()
            trial.service.start()
            if dice.random() < 0.2:
                pause(dice.uniform(0, 0.8))  # still starting, taking over or restoring
                while_starting += 1
            else:
                trial.service.wait_ready()
                pause(dice.uniform(0, 1.2))
        trial.service.wait_ready()
        verdict = judge_trial(trial)
        print(f"{KILLS} kills, {while_starting} of them while starting")  # noqa: T201
    assert trial.service.starts == KILLS + 1
    assert verdict.counts.events > 400
    assert verdict.counts.promised > 30  # how many depends on the machine; none would make the oracle idle
