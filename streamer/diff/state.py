"""What is known of a tenant: its rows (durable, rebuilt from the store) and what the running polls add to them.

All values are immutable. A poll makes a new `TenantState` from the old one; whoever holds the old one still has
it whole, which is what makes "the cache moves only after a confirmed commit" (I4) a single assignment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from streamer.diff.stored_status import StoredStatus, read_status
from streamer.model import AgentStatus, Interval, Millis, Queue, Window

FORGOTTEN: Final = "forgotten"

RESYNCS: Final = 8
"""Tokens of a tenant that are remembered."""


class Row(Struct, frozen=True, gc=False):
    """An agent's row: what its last event says, as far as the next one needs it.

    `current` is the status as JSON, byte for byte, for the next event's `previous`; None once it disappeared. What is
    in it is not held a second time, but for its `state`: there are as many rows as agents, and few are ever asked.
    `left` is when a disappeared agent left at the earliest.
    """

    sequence: int
    current: bytes | None
    state: str | None
    name: str | None
    observed: Window
    detected_at: Millis
    left: Interval | None = None

    @property
    def status(self) -> StoredStatus | None:
        """What `current` says, read anew."""
        return None if self.current is None else read_status(self.current)


class Pending(Struct, frozen=True, gc=False):
    """An agent whose last snapshot was not settled: absent, an older view, quarantined, refused.

    `lower`: start of the last window that showed the stored status (or, of an unknown agent, none of it). The
    watermark waits for it. `missing`: how many snapshots in a row lacked the agent, `first_missing` the first one's
    window. `older`: how many in a row showed a view older than the stored one.
    """

    lower: Millis
    missing: int = 0
    first_missing: Window | None = None
    older: int = 0


class Hold(Struct, frozen=True):
    """A quarantine: since when the set of missing agents has not shrunk, and which they are."""

    since: Millis
    missing: frozenset[str]


class QueueRow(Struct, frozen=True, gc=False):
    """A queue's row: what was `told` of it but for its counters, None where that can't be read, and when.

    `missing`: how many answers in a row lacked the queue.
    """

    told: Queue | None
    written: Millis
    missing: int = 0


class Watch(Struct, frozen=True):
    """What polling knows beyond the rows; a new owner starts with an empty one.

    `shown`: start of the newest window that counted, None before the first. `settled`: the statuses of that snapshot
    that agree with the rows: an identical object needs no second look.
    """

    shown: Millis | None = None
    pending: Mapping[str, Pending] = {}
    settled: Mapping[str, AgentStatus] = {}
    hold: Hold | None = None


class TenantState(Struct, frozen=True):
    """All that is known of a tenant.

    `sequence` is the number of its newest event. `complete_through` is the watermark, None before the first snapshot
    ever. `resync` is the newest token that was carried out, `resyncs` the last few. `health` is the one last reported, `forgotten` after the
    rows were erased. `by_state` counts the live rows. `queues` are the rows of queues, which no
    other field has to do with. `fault` says why the stored state can't be used, if so.
    """

    tenant: str
    source: str | None = None
    rows: Mapping[str, Row] = {}
    sequence: int = 0
    complete_through: Millis | None = None
    resync: str | None = None
    resyncs: tuple[str, ...] = ()
    health: str | None = None
    health_since: Millis | None = None
    by_state: Mapping[str, int] = {}
    watch: Watch = Watch()
    fault: str | None = None
    queues: Mapping[str, QueueRow] = {}

    def with_resync(self, token: str) -> TenantState:
        """Return the state once a token is carried out."""
        return replace(self, resync=token, resyncs=(*self.resyncs, token)[-RESYNCS:])

    def was_resynced(self, token: str) -> bool:
        """Whether a token was carried out: an owner whose config is old may come with one from before the newest."""
        return token == self.resync or token in self.resyncs

    @property
    def live(self) -> int:
        """How many agents have a current status."""
        return sum(self.by_state.values())

    @property
    def unseen(self) -> bool:
        """Whether no snapshot was ever taken, or all was forgotten since: the next one is the baseline."""
        return not self.rows and (self.complete_through is None or self.health == FORGOTTEN)

    def lower(self, agent: str) -> Millis:
        """Return the start of the last window that showed what the agent's row says (or that it has none).

        After a take-over that is the later of the watermark and the start of the window that the row came from. For an
        agent without a row it is the watermark: a window of others' rows may have shown the agent too, and been held.
        """
        if (pending := self.watch.pending.get(agent)) is not None:
            return pending.lower
        if self.watch.shown is not None:
            return self.watch.shown
        row = self.rows.get(agent)
        return max(self.complete_through or 0, 0 if row is None else row.observed.start)
