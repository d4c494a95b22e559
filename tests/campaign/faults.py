"""The kinds of faults. Each function plays a number of them, in an order and at times that the dice decide."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from tests.campaign.replica import Replica
from tests.campaign.stage import Stage

SESSION = 6.0
"""Seconds after which Kafka takes a silent member for gone, by default."""

CALM = 0.3
"""The part of the kills that hit while all is well, and that nothing follows until everything is well again."""


def kills(stage: Stage, dice: random.Random, count: int) -> None:
    """Kill -9 of a random replica, which comes back at once or after a while; some alone, most in the midst of others."""
    for _ in range(count):
        calm = dice.random() < CALM
        if calm:
            stage.whole()
            stage.pause(dice.uniform(0, 2 * stage.interval))
        victim = _someone(stage, dice)
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
        victim = _someone(stage, dice)
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
                    code = replica.stop()
                    assert code == 0, f"{replica.client} ended with {code}:\n{replica.log_tail()}"
                replica.start().wait_ready()
            stage.whole()


KINDS: Mapping[str, Callable[[Stage, random.Random, int], None]] = {
    "kills": kills,
    "freezes": freezes,
    "restarts": restarts,
}
"""By the name of the part that is made of them."""


def _someone(stage: Stage, dice: random.Random) -> Replica:
    """Return a random replica that serves; wait for one if none does."""
    while not (serving := [replica for replica in stage.replicas if replica.serving]):
        stage.pause(0.1)
    return dice.choice(serving)
