"""What the model of the hand-over is about: one agent of one tenant in one shard, and everybody who takes part.

Time is counted in true changes of the agent: at time 3 its third change has just happened. So a status is named by the
time at which it was entered, its version; what a vendor would show of it is the version modulo 2: A, B, A, ... The model
knows the version, by which it sees what is told twice or never was; the protocol does not.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

EVENTS: Final = 0
ROWS: Final = 1
TENANTS: Final = 2
"""The shard's partition in each of the three topics."""

NAMES: Final = ("the event", "its row", "the watermark")


class Event(NamedTuple):
    """An event: the versions that it tells, and since when at the earliest. -1 where there is none."""

    sequence: int
    previous: int
    current: int
    earliest: int

    def __str__(self) -> str:
        return f"event {self.sequence}, from version {self.previous} to {self.current}, not before {self.earliest}"


class Row(NamedTuple):
    """An agent's row: its last event, and when the request was sent whose answer it came from."""

    sequence: int
    version: int
    start: int

    def __str__(self) -> str:
        return f"the row of event {self.sequence}, version {self.version}" if self.sequence else "no row"


class Mark(NamedTuple):
    """A record of `tenant-status`: the stream is complete `through` that time, which covers event `number`."""

    through: int
    number: int

    def __str__(self) -> str:
        return f"complete through {self.through}, up to event {self.number}"


NO_ROW: Final = Row(0, -1, -1)
NO_MARK: Final = Mark(-1, 0)

Records: TypeAlias = tuple[Event | None, Row | None, Mark | None]
"""What a transaction writes to each topic. A claim writes nothing that a table would notice."""

NOTHING: Final[Records] = (None, None, None)


class Log(NamedTuple):
    """What is committed: the newest event (sequence, version), row and watermark.

    `hung`: a foreign transaction hangs in one of the two tables. It holds the last stable offset back: of that table
    readers see only what was there before it.
    """

    event: tuple[int, int] = (0, -1)
    row: Row = NO_ROW
    mark: Mark = NO_MARK
    hung: Row | Mark | None = None


class Transaction(NamedTuple):
    """A transactional id, as its coordinator and the leaders of the partitions know it.

    `written` lies in the log undecided. `may_come`: a copy of the newest producer's EndTxn(commit) may be under way. It
    ends whatever transaction is open when it comes, a later one too (KAFKA-17754). Copies of requests of earlier
    producers are refused for their epoch, so nothing of them need be known.
    """

    phase: Literal["settled", "open", "committing", "aborting"] = "settled"
    ended_well: bool = False
    written: Records = NOTHING
    may_come: bool = False


class Commit(NamedTuple):
    """What a replica wants committed, and how far it is.

    Once it is committed, `row` and `lower` are the replica's cache; without a `row` the cache stays. `then` follows in
    a transaction of its own: never, while all guards are in place.
    """

    records: Records
    row: Row | None = None
    lower: int = -1
    began: bool = False
    sent: frozenset[int] = frozenset()
    ended: bool = False
    tainted: bool = False
    then: Records | None = None


class Poll(NamedTuple):
    """A request to the vendor: when it was sent, and the version that its answer shows (-1: none yet)."""

    start: int
    version: int = -1


class Replica(NamedTuple):
    """A process. `newest`: no producer of the transactional id was started after its own.

    `row` and `lower` are its cache: the agent's row, and the start of the last window that showed what the row says.
    A frozen process is one that takes no step for as long as the others like; of a dead one nothing is left.
    """

    phase: Literal["idle", "started", "reading", "serving"] = "idle"
    newest: bool = False
    row: Row | None = None
    lower: int = -1
    polled: bool = False
    poll: Poll | None = None
    commit: Commit | None = None
    planned: Commit | None = None


class World(NamedTuple):
    """Everything. `aborted`: a row that lies in the log and was aborted, for who reads what is not committed."""

    replicas: tuple[Replica, ...]
    transactions: tuple[Transaction, ...]
    log: Log = Log()
    now: int = 0
    aborted: Row | None = None
