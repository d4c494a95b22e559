"""What actions of the model are made of: who may act, how the world is changed, and which code each stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeAlias, cast

from tests.model.checker import Step
from tests.model.guards import Guards
from tests.model.world import ROWS, Event, Mark, Records, Replica, Row, Transaction, World


class Size(NamedTuple):
    """How large the model is: so many replicas, so many true changes, and what takes part beside them.

    `reduced`: a fenced replica counts as one that has noticed. It can do nothing else any more, for all that it sends is
    refused.
    """

    replicas: int = 2
    changes: int = 2
    watermarks: bool = True
    foreign: bool = True
    reduced: bool = True


class Terms(NamedTuple):
    """How large the model is, and which guards are in place."""

    size: Size
    guards: Guards


Steps: TypeAlias = Iterator[Step[World]]
Action: TypeAlias = Callable[[Terms, World], Steps]
ReplicasAction: TypeAlias = Callable[[Terms, World, int, Replica], Steps]


class Cited(NamedTuple):
    """An action, and the functions of the product that it stands for; none for what the brokers and the world do."""

    action: Action
    functions: tuple[str, ...] = ()


class Actions(list[Cited]):
    """The actions of one file; decorators enter them."""

    def of_the_world(self, action: Action) -> Action:
        """Enter an action of the brokers or the world."""
        self.append(Cited(action))
        return action

    def models(self, *functions: str) -> Callable[[ReplicasAction], ReplicasAction]:
        """Enter an action of each replica; `functions` are the product's, without its name before them."""

        def enter(action: ReplicasAction) -> ReplicasAction:
            def of_each(terms: Terms, world: World) -> Steps:
                for who, replica in enumerate(world.replicas):
                    yield from action(terms, world, who, replica)

            of_each.__name__, of_each.__doc__ = action.__name__, action.__doc__
            self.append(Cited(of_each, tuple(f"streamer.{each}" for each in functions)))
            return action

        return enter


IDLE: Final = Replica()


def alike(version: int, other: int) -> bool:
    """Tell whether two versions look the same: what a vendor shows is no version."""
    return version >= 0 and other >= 0 and version % 2 == other % 2


def name(who: int) -> str:
    """Return a replica's name."""
    return "ABC"[who]


def changed(world: World, who: int, replica: Replica, transaction: Transaction | None = None) -> World:
    """Return the world with another replica, and another state of its transactional id."""
    world = world._replace(replicas=(*world.replicas[:who], replica, *world.replicas[who + 1 :]))
    return world if transaction is None else with_transaction(world, id_of(world, who), transaction)


def with_transaction(world: World, number: int, transaction: Transaction) -> World:
    """Return the world with another state of a transactional id."""
    transactions = (*world.transactions[:number], transaction, *world.transactions[number + 1 :])
    return world._replace(transactions=transactions)


def with_record(records: Records, topic: int, record: Event | Row | Mark | None) -> Records:
    """Return the records with another one for a topic."""
    changed_records = [*records[:topic], record, *records[topic + 1 :]]
    return cast("Records", tuple(changed_records))


def id_of(world: World, who: int) -> int:
    """Return the number of a replica's transactional id."""
    return who % len(world.transactions)


def transaction_of(world: World, who: int) -> Transaction:
    """Return the state of a replica's transactional id."""
    return world.transactions[id_of(world, who)]


def fenced(world: World, number: int) -> World:
    """Return the world after the epoch of an id was raised: whoever had its newest producer has it no more."""
    return world._replace(
        replicas=tuple(
            each._replace(newest=False) if id_of(world, who) == number else each
            for who, each in enumerate(world.replicas)
        )
    )


def ended_by_coordinator(terms: Terms, world: World, number: int) -> World:
    """Return the world once the coordinator aborts an open transaction; the epoch is raised with it."""
    transaction = world.transactions[number]
    row = transaction.written[ROWS]
    if not terms.guards.reads_committed and row is not None:
        world = world._replace(aborted=row)
    return with_transaction(fenced(world, number), number, Transaction(phase="aborting"))


def what_stays(terms: Terms, replica: Replica) -> Replica:
    """Return what is left of a replica that dropped the shard: nothing, unless a guard is off."""
    left = IDLE
    if replica.phase == "serving" and not terms.guards.drops_the_cache:
        left = left._replace(row=replica.row, lower=replica.lower)
    if replica.phase == "serving" and not terms.guards.drops_polls_under_way:
        left = left._replace(poll=replica.poll)
    return left
