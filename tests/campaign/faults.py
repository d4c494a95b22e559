"""The kinds of faults. Each function plays a number of them, in an order and at times that the dice decide."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial

from tests.campaign.replica import Replica
from tests.campaign.stage import Stage
from tests.support.broker import Broker
from tests.support.churn import ConfigChurn
from tests.support.files import WAYS
from tests.support.network import Api, Cut, Weather
from tests.support.network import Fault as NetworkFault

SESSION = 6.0
"""Seconds after which Kafka takes a silent member for gone, by default."""

RELOAD = 3.0
"""Seconds within which a changed config is in use, mostly."""

CHANGES = 4
"""Config changes in a round."""

CALM = 0.3
"""The part of the kills that hit while all is well, and that nothing follows until everything is well again."""

ENDS: Mapping[str, Callable[[Broker], None]] = {"kill": Broker.kill, "stop": Broker.stop, "freeze": Broker.freeze}
"""What may happen to a node."""

OVERLAP = 0.25
"""The part of other faults that a kill -9 falls into, or a second fault."""


def kills(stage: Stage, dice: random.Random, count: int) -> None:
    """Kill -9 of a random replica, which comes back at once or after a while; some alone, most in the midst of others."""
    for _ in range(count):
        calm = dice.random() < CALM
        if calm:
            stage.whole()
            stage.pause(dice.uniform(0, 2 * stage.interval))
        victim = someone(stage, dice)
        with stage.fault("kill", victim.client):
            victim.kill()
        stage.later(dice.choice((0.0, dice.uniform(0, 2 * SESSION))), victim.start)
        if calm:
            stage.whole()
        else:
            stage.pause(dice.uniform(0.5, 4.0))


def freezes(stage: Stage, dice: random.Random, count: int) -> None:
    """SIGSTOP of a random replica for longer than the session, some for less; it wakes up without knowing."""
    for _ in range(count):
        victim = someone(stage, dice)
        seconds = dice.choice((dice.uniform(0.5, SESSION), *3 * (dice.uniform(SESSION + 1, 2.5 * SESSION),)))
        with stage.fault("freeze", victim.client):
            victim.freeze()
            stage.pause(seconds)
            victim.thaw()
        if dice.random() < 0.5:
            stage.whole()
        stage.pause(dice.uniform(0, 2.0))


def restarts(stage: Stage, dice: random.Random, count: int) -> None:
    """Rolling restarts: each replica in turn is stopped in good order and is back before the next one goes."""
    for _ in range(count):
        stage.whole()
        stage.pause(dice.uniform(0, stage.interval))
        with stage.rolling():
            for replica in dice.sample(stage.replicas, len(stage.replicas)):
                with stage.fault("stop", replica.client):
                    stage.retire(replica)
                replica.start().wait_ready()
            stage.whole()


def config(stage: Stage, dice: random.Random, count: int) -> None:
    """Rounds of config changes, which reach the replicas in any order and at any time; some with a mistake first."""
    churn = stage.churn = ConfigChurn(stage.simulator.tenants(), folder=stage.folder, dice=dice)
    for _ in range(count):
        for _ in range(CHANGES):
            with stage.fault(f"config {churn.change()}", "all"):
                for replica in dice.sample(stage.replicas, len(stage.replicas)):
                    stage.later(dice.uniform(0, RELOAD), partial(_reconfigure, stage, replica, dice))
            stage.pause(dice.uniform(0.1, RELOAD))
        victim = someone(stage, dice)
        if dice.random() < 0.5:  # what takes its shards over may know another config
            with stage.fault("kill", victim.client):
                victim.kill()
            stage.later(dice.uniform(0, SESSION), victim.start)
        churn.rest()
        for replica in stage.replicas:
            stage.later(RELOAD, partial(_reconfigure, stage, replica, dice))
        stage.whole()


def brokers(stage: Stage, dice: random.Random, count: int) -> None:
    """Nodes are killed, stopped or frozen, for a moment or for longer than all deadlines; now and then a replica too."""
    cluster = stage.cluster
    for _ in range(count):
        stage.pause(dice.uniform(0.5, 3.0))
        how, seconds = dice.choice(list(ENDS)), dice.choice((0.0, dice.uniform(1, 20)))
        struck = dice.sample(cluster.numbers, min(len(cluster.numbers), 2 if dice.random() < OVERLAP else 1))
        with stage.fault(f"broker {how}", "broker"):
            for number in struck:
                ENDS[how](cluster[number])
            stage.pause(seconds)
            if dice.random() < OVERLAP:
                _kill(stage, dice)
            for number in struck:
                cluster[number].thaw()
            cluster.start()
        cluster.wait_healthy()
        stage.whole()


def network(stage: Stage, dice: random.Random, count: int) -> None:
    """One replica's way to the brokers is cut, or only deaf, and some requests are lost or late before that."""
    for _ in range(count):
        victim = someone(stage, dice)
        line = stage.lines[victim.name]
        if dice.random() < OVERLAP:
            with stage.fault("weather", victim.client):
                line.disturb(Weather(list(Api), list(NetworkFault), chance=0.05, seed=dice.randrange(10_000)))
                stage.pause(dice.uniform(2.0, SESSION))
                line.calm()
        how = dice.choice(list(Cut))
        with stage.fault(f"cut ({how.name.lower()})", victim.client):
            line.cut(how)
            stage.pause(dice.uniform(1.0, 2.5 * SESSION))
            line.heal()
        if dice.random() < OVERLAP:
            _kill(stage, dice)
        stage.whole()


def _reconfigure(stage: Stage, replica: Replica, dice: random.Random) -> None:
    """Give a replica the config as it is to be now, in some way; perhaps a mistaken one before."""
    if not replica.serving:
        return  # it reads what there is when it starts
    config, way, ready = stage.config(replica.client), dice.choice(WAYS), replica.ready()
    if stage.churn is not None and dice.random() < 0.2 and ready:  # one that starts would end by it
        replica.write(stage.churn.mistaken(replica.text(config)), way)
        if dice.random() < 0.5:
            replica.hang_up()
        stage.later(dice.uniform(0, RELOAD), partial(_reconfigure, stage, replica, dice))
        return
    replica.configure(config, way)
    if dice.random() < 0.3 and ready:
        replica.hang_up()


def _kill(stage: Stage, dice: random.Random) -> None:
    """Kill a replica, which comes back some time soon."""
    victim = someone(stage, dice)
    with stage.fault("kill", victim.client):
        victim.kill()
    stage.later(dice.uniform(0, SESSION), victim.start)


def someone(stage: Stage, dice: random.Random) -> Replica:
    """Return a random replica that serves; wait for one if none does."""
    while not (serving := [replica for replica in stage.replicas if replica.serving]):
        stage.pause(0.1)
    return dice.choice(serving)


KINDS: Mapping[str, Callable[[Stage, random.Random, int], None]] = {
    "kills": kills,
    "freezes": freezes,
    "restarts": restarts,
    "brokers": brokers,
    "network": network,
    "config": config,
}
"""By the name of the part that is made of them."""
