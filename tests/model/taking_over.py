"""How a replica takes the shard over: its producer, its claims, and only then the read."""

from __future__ import annotations

from typing import Final

from tests.model.acting import (
    IDLE,
    Actions,
    Steps,
    Terms,
    changed,
    ended_by_coordinator,
    fenced,
    id_of,
    name,
    transaction_of,
    with_transaction,
)
from tests.model.checker import Step
from tests.model.world import (
    NOTHING,
    Commit,
    Mark,
    Replica,
    Row,
    World,
)

ACTIONS: Final = Actions()


@ACTIONS.models("store.kafka.takeover.TakeOver.run")
def a_replica_reads_too_soon(terms: Terms, world: World, who: int, replica: Replica) -> Steps:
    """Only without its guard: the state is read, and only then the producer is started."""
    if replica == IDLE and not terms.guards.reads_after_fencing:
        knows = what_readers_see(terms, world, replica)
        yield Step(f"{name(who)} reads {knows.row}", changed(world, who, knows))


@ACTIONS.models(
    "polling.keeper.ShardKeeper.run",
    "store.kafka.takeover.TakeOver.fence",
    "store.kafka.producer.KafkaEngine.start",
    "store.kafka.guard.GuardedProducer.start",
    "store.kafka.client.Clients.producer",
)
def a_replica_starts_its_producer(terms: Terms, world: World, who: int, replica: Replica) -> Steps:
    """I1: InitProducerId ends the open transaction, waits until the last one is settled, and fences everybody else."""
    if replica.phase != "idle":
        return
    number, transaction = id_of(world, who), transaction_of(world, who)
    if transaction.phase == "open":
        text = f"{name(who)} asks for the next epoch: the open transaction is aborted and its producer fenced"
        yield Step(text, ended_by_coordinator(terms, world, number))
    elif transaction.phase == "settled" or (
        transaction.phase == "committing" and not terms.guards.init_waits_for_markers
    ):
        after = with_transaction(fenced(world, number), number, transaction._replace(may_come=False))
        started = replica._replace(phase="started", newest=True)
        yield Step(f"{name(who)} has started its producer; earlier ones are fenced", changed(after, who, started))


@ACTIONS.models("store.kafka.takeover.TakeOver.claim", "store.kafka.producer.KafkaEngine.claim")
def a_replica_claims(terms: Terms, world: World, who: int, replica: Replica) -> Steps:
    """I3: it is to commit a record of its own to each table."""
    if replica.phase != "started" or replica.commit is not None:
        return
    if terms.guards.reads_until in {"the end of the log", "the last stable offset"}:
        yield Step(f"{name(who)} is to read", changed(world, who, replica._replace(phase="reading")))
    else:
        claiming = replica._replace(commit=Commit(records=NOTHING))
        yield Step(f"{name(who)} is to claim the shard", changed(world, who, claiming))


@ACTIONS.models(
    "store.kafka.takeover.TakeOver.read",
    "store.kafka.takeover.TakeOver.build",
    "store.kafka.reader.Reader.until",
    "store.restore.restore",
    "diff.state.TenantState.lower",
)
def a_replica_reads(terms: Terms, world: World, who: int, replica: Replica) -> Steps:
    """I2, I3: once all before its claims is settled it reads that. What it reads lives and dies with its producer."""
    if replica.phase != "reading":
        return
    if replica.row is not None:  # only without a guard
        text = f"{name(who)} serves the shard with what it knew before: {replica.row}"
        yield Step(text, changed(world, who, replica._replace(phase="serving")))
        return
    until, hung = terms.guards.reads_until, world.log.hung
    undecided = replica.newest and transaction_of(world, who).phase != "settled"
    waits = {
        "the claims": undecided or hung is not None,
        "the claim among the rows": undecided or isinstance(hung, Row),
        "the end of the log": undecided or hung is not None,
        "the last stable offset": False,
    }
    if not waits[until]:
        serving = what_readers_see(terms, world, replica._replace(phase="serving"))
        text = f"{name(who)} reads up to {until} and serves the shard with {serving.row}"
        yield Step(text, changed(world, who, serving))


def what_readers_see(terms: Terms, world: World, replica: Replica) -> Replica:
    """Return the replica with what can be read now."""
    log = world.log
    row = log.hung if isinstance(log.hung, Row) else log.row
    mark = log.hung if isinstance(log.hung, Mark) else log.mark
    if world.aborted is not None and world.aborted.sequence > row.sequence:
        row = world.aborted
    through = mark.through if terms.guards.goes_on_from_the_watermark else -1
    return replica._replace(row=row, lower=max(through, row.start))
