"""How a replica serves the shard: it polls, compares, and tells how far the stream is complete."""

from __future__ import annotations

from typing import Final

from tests.model.acting import (
    Actions,
    Steps,
    Terms,
    alike,
    changed,
    name,
)
from tests.model.checker import Step
from tests.model.world import (
    Commit,
    Event,
    Mark,
    Poll,
    Records,
    Replica,
    Row,
    World,
)

ACTIONS: Final = Actions()


@ACTIONS.models("polling.poller.TenantPoller._ask", "polling.ledger.Ledger.settled")
def a_replica_asks(terms: Terms, world: World, who: int, replica: Replica) -> Steps:
    """The window of the answer begins. Nothing of the tenant waits to be committed then (I4)."""
    moving = replica.commit is not None and replica.commit.row is not None and terms.guards.one_diff_at_a_time
    if replica.phase == "serving" and replica.poll is None and replica.planned is None and not moving:
        asking = replica._replace(poll=Poll(start=world.now))
        yield Step(f"{name(who)} asks the vendor", changed(world, who, asking))


@ACTIONS.models("sources.source.Source.snapshot")
def the_vendor_answers(_terms: Terms, world: World, who: int, replica: Replica) -> Steps:
    """The answer shows the truth of a moment after it was asked for; it may come in much later."""
    if replica.poll is not None and replica.poll.version < 0:
        answered = replica._replace(poll=replica.poll._replace(version=world.now))
        yield Step(f"the vendor answers {name(who)} with version {world.now}", changed(world, who, answered))


@ACTIONS.models(
    "polling.poller.TenantPoller.poll",
    "diff.plan.plan_poll",
    "polling.ledger.Ledger.commit",
    "store.shard.Shard.note",
)
def a_replica_compares(terms: Terms, world: World, who: int, replica: Replica) -> Steps:
    """I4, I5: the answer against the cache. A change is to be committed, with the watermark or without it."""
    poll, row = replica.poll, replica.row
    if replica.phase != "serving" or poll is None or poll.version < 0 or row is None:
        return
    compared, through = replica._replace(poll=None), max(replica.lower, poll.start)
    if alike(row.version, poll.version):
        noted = compared._replace(lower=through, polled=True)
        yield Step(f"{name(who)} finds no change", changed(world, who, noted))
        return
    event = Event(row.sequence + 1, row.version, poll.version, -1 if row.version < 0 else replica.lower)
    for mark in (None, Mark(through, event.sequence))[: 1 + terms.size.watermarks]:
        commit = planned(terms, event, Row(event.sequence, poll.version, poll.start), through, mark)
        text = f"{name(who)} finds a change and is to commit {event}" + (f"; {mark}" if mark else "")
        waits = compared._replace(commit=commit) if replica.commit is None else compared._replace(planned=commit)
        yield Step(text, changed(world, who, waits))


def planned(terms: Terms, event: Event, row: Row, lower: int, mark: Mark | None) -> Commit:
    """Return the commit of a change: one transaction for all of it, unless a guard is off."""
    first: Records = (event, row, mark)
    then: Records | None = None
    if not terms.guards.event_with_its_row:
        first, then = (event, None, None), (None, row, mark)
    elif mark is not None and not terms.guards.watermark_with_its_events:
        first, then = (None, None, mark), (event, row, None)
    return Commit(records=first, row=row, lower=lower, then=then)


@ACTIONS.models(
    "polling.crew.Crew.report",
    "polling.reporter.Reporter.record",
    "store.shard.Shard.is_moving",
)
def a_heartbeat_is_due(terms: Terms, world: World, who: int, replica: Replica) -> Steps:
    """The watermark is told without an event. One that says nothing new is left out: it changes nothing."""
    if not replica.polled or replica.row is None or replica.commit is not None or replica.planned is not None:
        return
    mark = Mark(replica.lower, replica.row.sequence)
    if mark != world.log.mark and terms.size.watermarks:
        beating = replica._replace(commit=Commit(records=(None, None, mark)))
        yield Step(f"{name(who)} is to tell: {mark}", changed(world, who, beating))
