"""What the vendor, the brokers and other people's transactions do."""

from __future__ import annotations

from typing import Final

from tests.model.acting import Actions, Steps, Terms, alike, ended_by_coordinator, with_record, with_transaction
from tests.model.checker import Step
from tests.model.world import EVENTS, NAMES, ROWS, TENANTS, Event, Log, Records, World

ACTIONS: Final = Actions()


@ACTIONS.of_the_world
def the_truth_changes(terms: Terms, world: World) -> Steps:
    """The agent's status changes."""
    if world.now < terms.size.changes:
        yield Step(f"the agent enters version {world.now + 1}", world._replace(now=world.now + 1), fault=True)


@ACTIONS.of_the_world
def a_foreign_transaction_hangs(terms: Terms, world: World) -> Steps:
    """Somebody else's open transaction holds the last stable offset of a table back; one day it is ended."""
    log = world.log
    if log.hung is not None:
        if terms.guards.foreign_transactions_end:
            yield Step("the foreign transaction is ended", world._replace(log=log._replace(hung=None)))
        return
    tables = ((log.row, "agent-status"), (log.mark, "tenant-status"))
    for what, where in tables[: 1 + terms.size.watermarks] if terms.size.foreign else ():
        text = f"a foreign transaction hangs in {where}"
        yield Step(text, world._replace(log=log._replace(hung=what)), fault=True)


@ACTIONS.of_the_world
def a_transaction_times_out(terms: Terms, world: World) -> Steps:
    """The coordinator ends a transaction that was open for too long, and fences its producer."""
    for number, each in enumerate(world.transactions):
        if each.phase == "open":
            text = "the coordinator aborts the open transaction for its age and fences its producer"
            yield Step(text, ended_by_coordinator(terms, world, number))


@ACTIONS.of_the_world
def an_end_txn_comes(_terms: Terms, world: World) -> Steps:
    """EndTxn(commit) commits the transaction that is open now, whichever it was sent for."""
    for number, each in enumerate(world.transactions):
        if each.phase == "open" and each.may_come:
            text = "EndTxn(commit) comes: the open transaction is to be committed"
            yield Step(text, with_transaction(world, number, each._replace(phase="committing")))


@ACTIONS.of_the_world
def a_marker_is_written(_terms: Terms, world: World) -> Steps:
    """The markers of a transaction reach its partitions one by one, in any order; then it is settled."""
    for number, each in enumerate(world.transactions):
        left = [topic for topic in (EVENTS, ROWS, TENANTS) if each.written[topic] is not None]
        if each.phase == "aborting":
            yield Step("the transaction is aborted", with_transaction(world, number, each._replace(phase="settled")))
        elif each.phase == "committing" and not left:
            settled = each._replace(phase="settled", ended_well=True)
            yield Step("the transaction is committed", with_transaction(world, number, settled))
        elif each.phase == "committing":
            for topic in left:
                log, broken = shown(world.log, each.written, topic)
                after = with_transaction(world, number, each._replace(written=with_record(each.written, topic, None)))
                yield Step(f"readers see {NAMES[topic]}: {each.written[topic]}", after._replace(log=log), broken=broken)


def shown(log: Log, written: Records, topic: int) -> tuple[Log, str]:
    """Return the log with one topic's record committed, and what a reader then finds wrong."""
    event, row, mark = written
    if topic == ROWS and row is not None:
        return log._replace(row=row), ""
    if topic == TENANTS and mark is not None:
        return log._replace(mark=mark), "watermark: it goes back" if mark.through < log.mark.through else ""
    assert event is not None
    return log._replace(event=(event.sequence, event.current)), complaint(log, event)


def complaint(log: Log, event: Event) -> str:
    """Return what is wrong with an event that follows what is committed; empty if nothing is."""
    sequence, current = log.event
    if event.sequence != sequence + 1:
        return f"sequence: {event.sequence} follows {sequence}"
    if event.previous != current:
        return f"chain: previous is version {event.previous}, current of the event before was {current}"
    if event.current <= current or alike(event.current, current):
        return f"doubled or invented: version {event.current} is told after version {current}"
    if event.previous >= 0 and event.earliest >= event.current:
        return f"interval: version {event.current} is said to have been entered after {event.earliest}"
    if event.previous >= 0 and log.mark.number < event.sequence and event.earliest < log.mark.through:
        return f"watermark: it occurred from {event.earliest} on, but {log.mark.through} was told to be complete"
    return ""
