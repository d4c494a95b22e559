"""`python -m tests.faults nodes` or `requests`: play every fault in rounds, on a Kafka of its own; write a report."""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.nodes import FAULTS, NodesTrial
from tests.faults.report import Outcome, Report
from tests.faults.requests import MATRIX, Case, RequestsTrial
from tests.oracle.judge import Counts
from tests.support.broker import NEWEST, ROOT, VERSIONS, Broker
from tests.support.cluster import Cluster
from tests.support.network import Network

AT_ONCE = 2
"""So many services at a time have their requests lost: mostly they wait."""

Told = tuple[Sequence[Outcome], Counts]
Play = Callable[[argparse.Namespace, Path], Iterable[Told]]


def nodes(chosen: argparse.Namespace, folder: Path) -> Iterable[Told]:
    """Play all faults of nodes in one service's life."""
    dice = random.Random(chosen.seed)
    faults = [fault for _ in range(chosen.rounds) for fault in dice.sample(list(FAULTS), len(FAULTS))]
    with Cluster(version=chosen.kafka) as cluster, NodesTrial(cluster, "nodes-", folder, dice) as trial:
        yield [_told(trial.play(fault)) for fault in faults], trial.end().counts


def requests(chosen: argparse.Namespace, folder: Path) -> Iterable[Told]:
    """Play all faults of requests, shared out to several services."""
    dice = random.Random(chosen.seed)
    cases = [case for _ in range(chosen.rounds) for case in dice.sample(MATRIX, len(MATRIX))]
    with Broker(version=chosen.kafka) as broker, Network(broker.bootstrap) as network:

        def play(number: int) -> Told:
            own = folder / str(number)
            own.mkdir()
            return _requests(cases[number::AT_ONCE], (network, broker.bootstrap), own, chosen.seed + number)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(play, range(AT_ONCE))


def _requests(cases: Iterable[Case], where: tuple[Network, str], folder: Path, seed: int) -> Told:
    network, brokers = where
    with RequestsTrial(network, brokers, f"r{folder.name}-", folder=folder, dice=random.Random(seed)) as trial:
        return [_told(trial.play(case)) for case in cases], trial.end().counts


def _told(outcome: Outcome) -> Outcome:
    sys.stderr.write(f"{outcome.fault}: {outcome.seconds:.1f} s\n")
    return outcome


PLAYS: Mapping[str, Play] = {"nodes": nodes, "requests": requests}


def main() -> int:
    """Play, and write the report; whatever is wrong ends it with an error."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("what", choices=PLAYS)
    parser.add_argument("--rounds", type=int, default=1, help="how often each fault is played")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000), help="repeats a run")
    parser.add_argument("--kafka", choices=VERSIONS, default=NEWEST)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix=f"{chosen.what}-") as folder:
        told = list(PLAYS[chosen.what](chosen, Path(folder)))
    counts = Counter[str]()
    for _, each in told:
        counts.update({"events": each.events, "transitions": each.transitions, "promised": each.promised})
    report = Report(
        what=chosen.what,
        kafka=chosen.kafka,
        seed=chosen.seed,
        outcomes=[outcome for outcomes, _ in told for outcome in outcomes],
        **counts,
    )
    report.write(ROOT / "reports")
    sys.stdout.write(f"{report}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
