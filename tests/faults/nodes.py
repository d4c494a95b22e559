"""Faults of the nodes of a cluster: those that matter to the service are killed, stopped and frozen, one or two at a time.

One of three is away: the service must recover while it is. Two are away: nothing can be committed, so it must say so,
live on, and recover when they are back.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Self

from tests.faults.place import disturbed_place
from tests.faults.report import Outcome
from tests.oracle import Verdict
from tests.support.broker import Broker
from tests.support.cluster import Cluster
from tests.support.programs import wait_until
from tests.support.readers import TOPICS
from tests.support.trial import PARTITIONS, Trial, TrialSettings, judge_trial, pause

RECOVERED_WITHIN = 120.0
NOTICED_WITHIN = 60.0

Target = Callable[[Cluster, str, random.Random], int]
"""Chooses the node that does something for the service whose topics have a prefix."""

TARGETS: Mapping[str, Target] = {
    "transaction coordinator": lambda cluster, prefix, dice: cluster.transaction_coordinator(
        f"{prefix}agent-status-{dice.randrange(PARTITIONS)}"
    ),
    "leader": lambda cluster, prefix, dice: cluster.leader(prefix + dice.choice(TOPICS), dice.randrange(PARTITIONS)),
    "group coordinator": lambda cluster, prefix, _: cluster.group_coordinator(f"{prefix}streamer"),
}
WAYS: Mapping[str, Callable[[Broker], None]] = {"kill": Broker.kill, "stop": Broker.stop, "freeze": Broker.freeze}


class NodesTrial:
    """A service on a cluster. Entered, it publishes; `play` plays one fault; `end` judges everything."""

    def __init__(self, cluster: Cluster, prefix: str, folder: Path, dice: random.Random) -> None:
        """Take the cluster, which is healthy, and a folder for files."""
        self.cluster = cluster
        self.prefix = prefix
        self.dice = dice
        replicas = len(cluster.numbers)
        place = disturbed_place(cluster.bootstrap, prefix, replicas=replicas)
        self.trial = Trial(place, folder, TrialSettings(seed=dice.randrange(10_000), interval="400ms"))

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

    def play(self, fault: str) -> Outcome:
        """Play one of `FAULTS`; return how long it took to recover."""
        self.cluster.start().wait_healthy()
        pause(self.dice.uniform(0.5, 1.5))
        seconds = FAULTS[fault](self)
        for number in self.cluster.numbers:
            self.cluster[number].thaw()
        self.cluster.start().wait_healthy()
        self.recovered()
        return Outcome(fault, seconds)

    def end(self) -> Verdict:
        """Let everything settle and judge it; the service must have lived through all of it in one life."""
        verdict = judge_trial(self.trial)
        assert self.trial.service.starts == 1
        return verdict

    def recovered(self) -> float:
        """Wait until the service is ready and commits; return for how many seconds."""
        began = time.monotonic()
        self.trial.wait_for_polls(3, within=RECOVERED_WITHIN)
        self.trial.service.wait_ready(within=RECOVERED_WITHIN)
        return time.monotonic() - began

    def one_away(self, target: Target, way: str) -> float:
        """Let one node go and do not bring it back before the service has recovered."""
        WAYS[way](self.cluster[target(self.cluster, self.prefix, self.dice)])
        pause(0.5)  # what was polled before went through
        return 0.5 + self.recovered()

    def two_away(self) -> float:
        """Kill two nodes of three: too few for a commit."""
        service = self.trial.service
        for number in self.dice.sample(self.cluster.numbers, 2):
            self.cluster[number].kill()
        wait_until(lambda: service.get("/readyz")[0] == 503, "/readyz is 503", within=NOTICED_WITHIN)
        pause(self.dice.uniform(1, 10))
        assert service.get("/livez")[0] == 200
        assert service.get("/readyz")[0] == 503, "it can't be ready while nothing can be committed"
        self.cluster.start()
        return self.recovered()

    def rolling(self) -> float:
        """Restart all nodes in good order, one after the other."""
        for number in self.dice.sample(self.cluster.numbers, len(self.cluster.numbers)):
            self.cluster[number].restart()
            self.cluster.wait_healthy()
        return self.recovered()


FAULTS: Mapping[str, Callable[[NodesTrial], float]] = {
    **{
        f"{way} the {name}": partial(NodesTrial.one_away, target=target, way=way)
        for name, target in TARGETS.items()
        for way in WAYS
    },
    "two of three away": NodesTrial.two_away,
    "rolling restart": NodesTrial.rolling,
}
