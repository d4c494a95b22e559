"""Faults that hit one guard: what random ones would meet too rarely."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus

from tests.campaign.faults import SESSION, freezes, someone
from tests.campaign.replica import Replica
from tests.campaign.stage import Stage
from tests.support.network import Api, Weather
from tests.support.network import Fault as NetworkFault
from tests.support.programs import READY_WITHIN, wait_until
from tests.support.readers import EVENTS, ROWS, TENANTS
from tests.support.topics import limit_records, open_transaction


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
    """All replicas believe that they own all shards, come and go, and fence each other; in the end one is left."""
    for _ in range(count):
        for replica in stage.replicas[1:]:
            if not replica.running:
                replica.start()
        stage.pause(dice.uniform(2.0, 6.0))
        victim = someone(stage, dice)
        with stage.fault("duel", victim.client):
            victim.kill()
        victim.start()
    for replica in stage.replicas[1:]:
        wait_until(partial(_listens, replica), f"{replica.client} listens", within=READY_WITHIN)
        stage.retire(replica)


def slow_freezes(stage: Stage, dice: random.Random, count: int) -> None:
    """Replicas are frozen while the vendor's answers are long under way."""
    stage.simulator.faults(f"slow:0.7:{stage.interval:.2f}")
    freezes(stage, dice, count)
    stage.simulator.faults("")


def late_ends(stage: Stage, dice: random.Random, count: int) -> None:
    """Requests of transactions get lost, and ends of transactions come after their repetition: in a later transaction."""
    for _ in range(count):
        for line in stage.lines.values():
            faults = (NetworkFault.LATE, NetworkFault.LOSE_REQUEST)
            line.disturb(Weather((Api.PRODUCE, Api.END_TXN), faults, chance=0.1, seed=dice.randrange(10_000)))
        with stage.fault("late ends", "all"):
            stage.pause(3 * SESSION)
            for line in stage.lines.values():
                line.calm()
        stage.whole()


def _listens(replica: Replica) -> bool:
    return replica.get("/livez")[0] == HTTPStatus.OK


DIRECTED: Mapping[str, Callable[[Stage, random.Random, int], None]] = {
    "refusals": refusals,
    "hangs": hangs,
    "duels": duels,
    "slow-freezes": slow_freezes,
    "late-ends": late_ends,
}
"""By the name of the part that is made of them."""

DUELLING = frozenset({"duels"})
"""Those in which no group says whose a shard is."""
