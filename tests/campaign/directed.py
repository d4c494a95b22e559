"""Faults that hit one guard: what random ones would meet too rarely."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus

from tests.campaign.faults import SESSION, someone
from tests.campaign.replica import Replica
from tests.campaign.stage import LATE, Stage
from tests.support.network import Api, Weather
from tests.support.network import Fault as NetworkFault
from tests.support.programs import wait_until
from tests.support.readers import EVENTS, ROWS, TENANTS
from tests.support.topics import limit_records, open_transaction

LISTENS_WITHIN = 120.0
"""Seconds that a process may take to start; on a busy machine they are many."""

REPEATED = 5.0
"""Seconds after which a replica sends a request again that was not answered."""


def refusals(stage: Stage, dice: random.Random, count: int) -> None:
    """The broker takes rows but no events for a moment: somebody lowered the topic's largest size of a record."""
    for _ in range(count):
        stage.pause(dice.uniform(1.0, 3.0))
        with stage.fault("refusal", "broker"):
            limit_records(stage.cluster.bootstrap, stage.topic(EVENTS), 100)
            stage.pause(dice.uniform(0.5, 2.0))
            limit_records(stage.cluster.bootstrap, stage.topic(EVENTS))
        stage.whole()


def hangs(stage: Stage, dice: random.Random, count: int) -> None:
    """A foreign transaction hangs on the tables while replicas go on committing; then one of them is killed."""
    for number in range(count):
        stage.whole()
        topics = [stage.topic(ROWS), stage.topic(TENANTS)]
        with stage.fault("hang", "broker"), open_transaction(stage.cluster.bootstrap, f"hang-{number}", topics):
            stage.pause(dice.uniform(2.0, 4.0))
            victim = someone(stage, dice)
            with stage.fault("kill", victim.client):
                victim.kill()
            victim.start()
            stage.pause(SESSION + dice.uniform(2.0, 4.0))
        stage.whole()


def duels(stage: Stage, dice: random.Random, count: int) -> None:
    """All replicas believe that they own all shards, come and go, and fence each other; in the end one is left.

    The vendor is slow meanwhile: when a shard is lost, answers are under way.
    """
    stage.simulator.faults(f"slow:0.5:{stage.interval / 2:.2f}")
    for _ in range(count):
        for replica in stage.replicas:
            if not replica.running:
                replica.start()
            wait_until(partial(_listens, replica), f"{replica.client} listens", within=LISTENS_WITHIN)
        stage.pause(dice.uniform(5.0, 10.0))
        victim = someone(stage, dice)
        with stage.fault("duel", victim.client):
            victim.kill()
    for replica in stage.replicas[1:]:
        if replica.wanted:
            stage.retire(replica)
    if not stage.replicas[0].running:
        stage.replicas[0].start()
    stage.simulator.faults("")


def late_ends(stage: Stage, dice: random.Random, count: int) -> None:
    """Ends of transactions come after their repetition, while later transactions are held up half written."""
    lines = stage.lines.values()
    for _ in range(count):
        with stage.fault("late ends", "all"):
            _disturb(stage, Api.END_TXN, NetworkFault.LATE, dice)
            stage.pause(1.0)
            for line in lines:
                line.calm()
            stage.pause(REPEATED - 1.0)
            _disturb(stage, Api.PRODUCE, NetworkFault.LOSE_REQUEST, dice)
            stage.pause(LATE - REPEATED + 1.0)
            for line in lines:
                line.calm()
        stage.whole()


def _disturb(stage: Stage, api: Api, fault: NetworkFault, dice: random.Random) -> None:
    for line in stage.lines.values():
        line.disturb(Weather([api], [fault], chance=0.5, seed=dice.randrange(10_000)))


def _listens(replica: Replica) -> bool:
    return replica.get("/livez")[0] == HTTPStatus.OK


DIRECTED: Mapping[str, Callable[[Stage, random.Random, int], None]] = {
    "refusals": refusals,
    "hangs": hangs,
    "duels": duels,
    "late-ends": late_ends,
}
"""By the name of the part that is made of them."""

DUELLING = frozenset({"duels"})
"""Those in which no group says whose a shard is."""
