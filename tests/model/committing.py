"""How a replica runs a transaction, and how it lets go. Whoever is fenced is refused at each request."""

from __future__ import annotations

from typing import Final

from tests.model.acting import (
    IDLE,
    Actions,
    Steps,
    Terms,
    changed,
    name,
    transaction_of,
    what_stays,
    with_record,
)
from tests.model.checker import Step
from tests.model.world import (
    NAMES,
    Commit,
    Replica,
    World,
)

ACTIONS: Final = Actions()


@ACTIONS.models(
    "store.shard.Shard._flush", "store.kafka.producer.KafkaEngine.commit", "store.kafka.guard.GuardedProducer.transact"
)
def a_transaction_begins(_terms: Terms, world: World, who: int, replica: Replica) -> Steps:
    """AddPartitionsToTxn: while the last transaction's markers are being written it waits."""
    commit, transaction = replica.commit, transaction_of(world, who)
    if commit is None:
        if replica.planned is not None:
            turned = replica._replace(commit=replica.planned, planned=None)
            yield Step(f"{name(who)} turns to what it planned meanwhile", changed(world, who, turned))
    elif not commit.began and replica.newest and transaction.phase == "settled":
        began = replica._replace(commit=commit._replace(began=True))
        opened = transaction._replace(phase="open")
        yield Step(f"{name(who)} begins a transaction", changed(world, who, began, opened))


@ACTIONS.models("store.kafka.guard.GuardedProducer._send")
def a_record_is_written(_terms: Terms, world: World, who: int, replica: Replica) -> Steps:
    """The leaders take the records in any order, while the transaction is open."""
    commit, transaction = replica.commit, transaction_of(world, who)
    if commit is None or not commit.began or commit.ended or not replica.newest or transaction.phase != "open":
        return
    for topic, record in enumerate(commit.records):
        if record is not None and topic not in commit.sent:
            wrote = replica._replace(commit=commit._replace(sent=commit.sent | {topic}))
            written = with_record(transaction.written, topic, record)
            after = changed(world, who, wrote, transaction._replace(written=written))
            yield Step(f"{name(who)} writes {NAMES[topic]}", after)


@ACTIONS.models("store.kafka.guard.GuardedProducer.transact")
def a_replica_ends_its_transaction(terms: Terms, world: World, who: int, replica: Replica) -> Steps:
    """EndTxn(commit) is sent once every record was acknowledged."""
    commit, transaction = replica.commit, transaction_of(world, who)
    if commit is None or not commit.began or commit.ended or not replica.newest:
        return
    unsure = any(record is not None and topic not in commit.sent for topic, record in enumerate(commit.records))
    if not (unsure and terms.guards.awaits_every_record):
        ending = replica._replace(commit=commit._replace(ended=True))
        if replica.phase == "serving" and not terms.guards.awaits_the_commit:
            ending = confirmed(replica, commit)
        text = f"{name(who)} sends EndTxn(commit)" + (", whatever became of the other records" if unsure else "")
        yield Step(text, changed(world, who, ending, transaction._replace(may_come=True)))


@ACTIONS.models("store.kafka.guard.GuardedProducer._watched_send")
def an_end_txn_is_repeated(_terms: Terms, world: World, who: int, replica: Replica) -> Steps:
    """The answer to EndTxn is lost or late: aiokafka sends it again, and the first copy may come yet."""
    commit = replica.commit
    if commit is not None and commit.ended and not commit.tainted and replica.newest:
        tainted = replica._replace(commit=commit._replace(tainted=True))
        yield Step(
            f"{name(who)} gets no answer in time: EndTxn is sent again", changed(world, who, tainted), fault=True
        )


@ACTIONS.models("store.shard.Shard._flush", "store.kafka.producer.KafkaEngine._write")
def a_commit_is_confirmed(terms: Terms, world: World, who: int, replica: Replica) -> Steps:
    """The cache moves, if no request of the transaction was repeated. Else cache and engine are dropped."""
    commit, transaction = replica.commit, transaction_of(world, who)
    if commit is None or not commit.ended or not replica.newest:
        return
    if transaction.phase == "committing" or (transaction.phase == "settled" and transaction.ended_well):
        if not commit.tainted:
            after = changed(world, who, confirmed(replica, commit), transaction._replace(may_come=False))
            yield Step(f"{name(who)}'s commit is confirmed", after)
        elif terms.guards.drops_tainted_producers:
            yield Step(f"{name(who)}'s commit is confirmed but tainted: it drops the shard", changed(world, who, IDLE))
        else:
            yield Step(f"{name(who)}'s commit is confirmed", changed(world, who, confirmed(replica, commit)))


def confirmed(replica: Replica, commit: Commit) -> Replica:
    """Return a replica whose commit succeeded."""
    if replica.phase == "started":
        return replica._replace(phase="reading", commit=None)
    if commit.then is not None:
        return replica._replace(commit=Commit(records=commit.then, row=commit.row, lower=commit.lower))
    if commit.row is None:
        return replica._replace(commit=None)
    return replica._replace(row=commit.row, lower=commit.lower, polled=True, commit=None)


@ACTIONS.models(
    "store.engine.ShardLost",
    "polling.keeper.ShardKeeper._serve",
    "polling.keeper.ShardKeeper._give_up",
    "store.shard.Shard.kill",
    "store.kafka.producer.KafkaEngine.kill",
    "store.kafka.guard.GuardedProducer.kill",
)
def a_replica_lets_go(terms: Terms, world: World, who: int, replica: Replica) -> Steps:
    """Fenced, refused, too late, told to, or killed: cache and engine are dropped together, and the polls with them."""
    if replica == IDLE:
        return
    stays = what_stays(terms, replica)
    yield Step(f"{name(who)} drops the shard", changed(world, who, stays))
    if stays != IDLE:
        yield Step(f"{name(who)} is killed", changed(world, who, IDLE), fault=True)
