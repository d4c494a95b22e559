"""Comparing a snapshot with what is known: a pure function over immutable values. No I/O, no clock.

What counts as a change is decided on the source's significant vendor fields and its times of entry alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from streamer.diff.absence import AbsenceRules, count_missing, quarantine
from streamer.diff.bounds import Bounds, baseline_bounds, change_bounds, is_clock_fault, poll_bounds
from streamer.diff.state import Pending, Row, TenantState, Watch
from streamer.diff.stored_status import StoredStatus
from streamer.model import AgentStatus, ChangeKind, Interval, Millis, Snapshot, Transition, Vocabulary, Window

OLDER_VIEWS: Final = 3
"""An older view than the stored one is believed when so many snapshots in a row show it."""


Held: TypeAlias = Literal["empty", "shrunk"]


class Change(Struct, frozen=True):
    """One change of one agent: its row before, the status after it, and when it happened.

    `lower` is the start of the last window that showed the row's status, `observed` the window that showed the change.
    """

    agent: str
    kind: ChangeKind
    row: Row | None
    status: AgentStatus | None
    bounds: Bounds
    lower: Millis
    observed: Window
    missed: int = 0


class Difference(Struct, frozen=True):
    """What a snapshot shows: changes ordered by agent id, and what polling knows after it once they are committed.

    `held` is why appearances and disappearances were kept back, if they were; `older` counts the agents whose older
    view was ignored, `clock_faults` the vendor's impossible times.
    """

    changes: tuple[Change, ...]
    watch: Watch
    held: Held | None = None
    older: int = 0
    clock_faults: int = 0


def diff(state: TenantState, snapshot: Snapshot, *, vocabulary: Vocabulary, rules: AbsenceRules) -> Difference:
    """Compare a snapshot with the state of its tenant. The order of the snapshot's agents does not matter."""
    return _Comparison(state, snapshot, vocabulary, rules).result()


class _Comparison:
    """One run of `diff`: lists that fill while the agents are gone through."""

    def __init__(self, state: TenantState, snapshot: Snapshot, vocabulary: Vocabulary, rules: AbsenceRules) -> None:
        self.rules = rules
        self.state = state
        self.snapshot = snapshot
        self.window = snapshot.window
        self.vocabulary = vocabulary
        self.changes: list[Change] = []
        self.pending: dict[str, Pending] = {}
        self.entering: list[AgentStatus] = []
        self.present = 0
        self.older = 0
        self.clock_faults = 0

    def result(self) -> Difference:
        settled, rows, rules = self.state.watch.settled, self.state.rows, self.rules
        for agent, status in self.snapshot.agents.items():
            if settled.get(agent) is status:
                self.present += 1
                continue
            row = rows.get(agent)
            before = None if row is None else row.status
            if row is None or before is None:
                self.entering.append(status)
            else:
                self.present += 1
                self.compare(row, before, status)
        missing = self.missing()
        hold = quarantine(self.state.watch.hold, missing.keys(), live=self.state.live, window=self.window, rules=rules)
        if hold is None:
            self.enter()
            self.leave(missing, rules.absent_after)
        else:
            self.pending |= missing
            self.pending |= {each.agent: Pending(lower=self.state.lower(each.agent)) for each in self.entering}
        watch = Watch(
            shown=max(self.state.watch.shown or 0, self.window.start),
            pending=self.pending,
            settled=settle(self.snapshot.agents, self.pending),
            hold=hold,
        )
        held: Held | None = None if hold is None else "shrunk" if self.snapshot.agents else "empty"
        changes = tuple(sorted(self.changes, key=_by_agent))
        return Difference(changes=changes, watch=watch, held=held, older=self.older, clock_faults=self.clock_faults)

    def compare(self, row: Row, before: StoredStatus, status: AgentStatus) -> None:
        """Compare a known agent's row, and the status in it, with what the snapshot shows."""
        transition = self.vocabulary.transition(before.vendor, before.since, status)
        entered = self.believable(status, transition.entered)
        possible = entered == transition.entered  # nothing follows from a time that can't be
        missed = transition.missed if possible else 0
        older = transition.older and possible
        if older and self.is_older_view(status.agent):
            return
        if older or missed or not transition.same:
            self.change("changed", row, status, Transition(same=transition.same, entered=entered, missed=missed))

    def believable(self, status: AgentStatus, entered: Interval | None) -> Interval | None:
        """Return the vendor's time of entry, None if it tells none, or one after its own answer, which is counted.

        Nor is one believed that is reckoned back from our clock while that is off: all agents would have moved by as much.
        """
        if self.is_reckoned_by_wrong_clock(status):
            return None
        fault = is_clock_fault(entered, self.window)
        self.clock_faults += fault
        return None if fault else entered

    def enter(self) -> None:
        """Publish the agents that have no current status yet."""
        unseen = self.state.unseen
        for status in self.entering:
            row = self.state.rows.get(status.agent)
            entered = self.believable(status, status.entered)
            before_it_left = (
                row is not None and row.left is not None and entered is not None and entered.latest < row.left.earliest
            )
            if not (before_it_left and self.is_older_view(status.agent)):
                kind: ChangeKind = "baseline" if unseen else "appeared"
                self.change(kind, row, status, Transition(same=False, entered=entered))

    def leave(self, missing: Mapping[str, Pending], absent_after: int) -> None:
        """Publish the agents that were missing often enough."""
        for agent, pending in missing.items():
            if pending.missing < absent_after or pending.first_missing is None:
                self.pending[agent] = pending
                continue
            self.changes.append(
                Change(
                    agent=agent,
                    kind="disappeared",
                    row=self.state.rows[agent],
                    status=None,
                    bounds=poll_bounds(pending.lower, pending.first_missing),
                    lower=pending.lower,
                    observed=pending.first_missing,
                )
            )

    def change(self, kind: ChangeKind, row: Row | None, status: AgentStatus, transition: Transition) -> None:
        """Note a change into `status`."""
        entered = transition.entered
        if kind == "baseline":
            lower, bounds = self.window.start, baseline_bounds(entered, status.basis, self.window)
        else:
            lower = self.state.lower(status.agent)
            again = transition.same and self.may_have_been_shown(status.agent, entered)
            bounds = change_bounds(entered, status.basis, lower, self.window, again=again)
        if self.is_reckoned_by_wrong_clock(status):  # later times of entry must not be held against it
            bounds = replace(bounds, since=None)
        self.changes.append(
            Change(
                agent=status.agent,
                kind=kind,
                row=row,
                status=status,
                bounds=bounds,
                lower=lower,
                observed=self.window,
                missed=transition.missed,
            )
        )

    def is_reckoned_by_wrong_clock(self, status: AgentStatus) -> bool:
        """Tell whether a status has its time of entry from our clock, and that is off."""
        return self.rules.clock_is_off and status.basis == "time_in_status"

    def may_have_been_shown(self, agent: str, entered: Interval | None) -> bool:
        """Tell whether the last snapshot's time of entry, by which it passed for the row's status, fits this one too."""
        before = self.state.watch.settled.get(agent)
        last = before.entered if before is not None else None
        return last is None or entered is None or last.latest >= entered.earliest

    def is_older_view(self, agent: str) -> bool:
        """Count an older view of an agent; False once it was shown often enough to be believed."""
        before = self.state.watch.pending.get(agent)
        views = 1 + (before.older if before is not None else 0)
        if views >= OLDER_VIEWS:
            return False
        self.pending[agent] = Pending(lower=self.state.lower(agent), older=views)
        self.older += 1
        return True

    def missing(self) -> dict[str, Pending]:
        """Return the agents with a current status that the snapshot lacks."""
        if self.present == self.state.live:
            return {}
        shown, before = self.snapshot.agents, self.state.watch.pending
        return {
            agent: count_missing(before.get(agent), self.state.lower(agent), self.window)
            for agent, row in self.state.rows.items()
            if row.current is not None and agent not in shown
        }


def settle(agents: Mapping[str, AgentStatus], pending: Mapping[str, Pending]) -> Mapping[str, AgentStatus]:
    """Return the agents of a snapshot that need no second look while their status stays the identical object."""
    if pending.keys().isdisjoint(agents):
        return agents
    return {agent: status for agent, status in agents.items() if agent not in pending}


def _by_agent(change: Change) -> str:
    return change.agent
