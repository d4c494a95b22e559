"""The hand-over protocol as guarded steps, each with the product's functions that it stands for.

What the model leaves out could only make the product take fewer ways than the model does:

- Placement. Any replica may set out to take the shard over at any time: the group may give the shard to two at once, to
  each in turn, or to nobody, and a replica may act on an answer that was true long ago.
- Time. A process may stand still at any point for as long as the others like (SIGSTOP, a paused machine), and any
  deadline may pass at any point.
- Requests. Any may be lost: its sender gives up. Copies of EndTxn may come later; one of InitProducerId does what a
  replica does that starts and then dies; copies of other requests the broker tells from new ones by their numbers.
"""

from __future__ import annotations

from typing import Final

from tests.model import committing, serving, surroundings, taking_over
from tests.model.acting import IDLE, Size, Steps, Terms, alike, what_stays
from tests.model.guards import Guards
from tests.model.world import Replica, Transaction, World

ACTIONS: Final = (*surroundings.ACTIONS, *taking_over.ACTIONS, *serving.ACTIONS, *committing.ACTIONS)


class HandOver:
    """The model, of a size, with the guards that are in place. `inside`: the owner's cache is looked at too."""

    def __init__(self, size: Size, guards: Guards | None = None, *, inside: bool = True) -> None:
        self._terms = Terms(size, guards or Guards())
        self._inside = inside

    def initial(self) -> World:
        """Nobody owns anything, and nothing was ever told."""
        ids = 1 if self._terms.guards.one_transactional_id else self._terms.size.replicas
        return World(replicas=(IDLE,) * self._terms.size.replicas, transactions=(Transaction(),) * ids)

    def steps(self, state: World) -> Steps:
        """Yield every step that is possible."""
        for action, _ in ACTIONS:
            yield from action(self._terms, state)

    def simplified(self, state: World) -> World:
        """Leave out what can't matter any more."""
        if len(state.transactions) > 1:
            return state
        (transaction,) = state.transactions
        replicas = tuple(self._noticed(each) for each in state.replicas)
        owner = next((each for each in replicas if each.newest), IDLE)
        if owner.commit is None or not owner.commit.began:
            may_come = transaction.may_come and (owner.newest or transaction.phase == "open")
            transaction = transaction._replace(ended_well=False, may_come=may_come)
        return state._replace(replicas=replicas, transactions=(transaction,))

    def _noticed(self, replica: Replica) -> Replica:
        """Return a replica that has noticed that it is fenced, if it is."""
        inert = self._terms.size.reduced and not replica.newest and replica.phase != "idle"
        return what_stays(self._terms, replica) if inert else replica

    def canonical(self, state: World) -> World:
        """Leave out who is who, unless each has a transactional id of its own."""
        simple = self.simplified(state)
        if len(state.transactions) > 1:
            return simple
        return simple._replace(replicas=tuple(sorted(simple.replicas, key=hash)))

    def broken(self, state: World) -> str:
        """Return which invariant does not hold in a state, and how; empty if all do."""
        if any(each.phase == "committing" for each in state.transactions):
            return ""  # a reader of one topic may be ahead of one of another
        log = state.log
        if log.event != log.row[:2]:
            return f"table: the last event is {log.event[0]}, version {log.event[1]}, but in the table is {log.row}"
        if log.mark.number > log.event[0]:
            return f"watermark: it covers event {log.mark.number}, the last there is is {log.event[0]}"
        for each in state.replicas if self._inside else ():
            if each.phase == "serving" and each.newest and each.commit is None and each.row != log.row:
                return f"cache: the owner knows {each.row}, committed is {log.row}"
        return ""

    def settled(self, state: World) -> bool:
        """Tell whether the shard is served, and the table says what the vendor says now."""
        said = alike(state.log.row.version, state.now)
        return said and any(each.newest and each.polled and each.row == state.log.row for each in state.replicas)
