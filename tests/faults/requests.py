"""Faults of single requests between the service and its broker: lost, cut, delayed or delivered late.

Each is aimed at the next request of a kind, so each is sure to strike; then the service must recover by itself.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.faults.place import disturbed_place
from tests.faults.report import Outcome
from tests.oracle import Verdict
from tests.support.network import Api, Fault, Line, Network
from tests.support.programs import wait_until
from tests.support.trial import Trial, TrialSettings, judge_trial, pause

RECOVERED_WITHIN = 120.0
STRUCK_WITHIN = 120.0
"""Mostly a second: but what happens at a start comes after the start, which a busy machine draws out."""

APIS = (
    Api.PRODUCE,
    Api.INIT_PRODUCER_ID,
    Api.ADD_PARTITIONS_TO_TXN,
    Api.END_TXN,
    Api.FETCH,
    Api.JOIN_GROUP,
    Api.HEARTBEAT,
)
AT_START = frozenset({Api.INIT_PRODUCER_ID, Api.FETCH, Api.JOIN_GROUP})
"""What an undisturbed service asks only when it starts: to become the writer, to restore, to be placed."""

Case = tuple[Api, Fault]
MATRIX: Sequence[Case] = tuple(itertools.product(APIS, Fault))


class RequestsTrial:
    """A service on a line of its own. Entered, it publishes; `play` plays one fault; `end` judges everything."""

    def __init__(self, network: Network, brokers: str, prefix: str, *, folder: Path, dice: random.Random) -> None:
        """Take the network before the brokers, and a folder for files."""
        self.dice = dice
        self.line: Line = network.line()
        place = disturbed_place(brokers, prefix, line=self.line.bootstrap)
        self.trial = Trial(place, folder, TrialSettings(seed=dice.randrange(10_000), interval="400ms"))
        self.lives = 1

    def __enter__(self) -> Self:
        """Start to publish."""
        with ExitStack() as stack:
            stack.enter_context(self.trial)
            self.trial.start()
            stack.pop_all()  # it did start: now it is ours to end
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing running."""
        self.trial.__exit__()

    def play(self, case: Case) -> Outcome:
        """Let one fault strike and wait until the service has recovered."""
        api, fault = case
        pause(self.dice.uniform(0.2, 1.2))
        before = self.line.struck[case]
        if api in AT_START:
            assert self.trial.service.stop() == 0, self.trial.service.log_tail()
            self.lives += 1
        self.line.inject(api, fault)
        if api in AT_START:
            self.trial.service.start()
        what = f"{api.name} met {fault.name}"
        wait_until(lambda: self.line.struck[case] > before, what, within=STRUCK_WITHIN)
        began = time.monotonic()
        self.trial.service.wait_ready(within=RECOVERED_WITHIN)
        self.trial.wait_for_polls(3, within=RECOVERED_WITHIN)
        self.line.release()
        return Outcome(f"{api.name}, {fault.name}", time.monotonic() - began)

    def end(self) -> Verdict:
        """Let everything settle and judge it; the service must have ended only when it was told to."""
        verdict = judge_trial(self.trial)
        assert self.trial.service.starts == self.lives
        return verdict
