"""What the service tells about itself while it works. Metrics and logs subscribe; the core imports neither.

No signal carries a secret or an agent's id or name, so no subscriber can leak one. There is one exception, for the status
page and nobody else: `StateChanged.agent` and `.name`, which are None unless the config has `server.show_agents`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from msgspec import Struct

from streamer.model import Millis


class PollerStarted(Struct, frozen=True):
    """A poller of a tenant begins, with another config or after a take-over: what was told of the one before is over.

    `complete_through` is the watermark that it begins with; None for a tenant that was never polled well.
    """

    tenant: str
    source: str
    complete_through: Millis | None = None


class PollPlanned(Struct, frozen=True):
    """A tenant is to be polled next `at` this time, or as soon after as the budgets allow."""

    tenant: str
    source: str
    at: Millis


class PollFinished(Struct, frozen=True):
    """A poll ended: `outcome` is `ok` or the kind of error, `seconds` how long it took, `advice` what to do."""

    tenant: str
    source: str
    outcome: str
    seconds: float
    finished: Millis
    error: str | None = None
    advice: str | None = None


class StateChanged(Struct, frozen=True):
    """One event: the canonical state `before` (None: it came) and `after` (None: it disappeared), and whose, if shown."""

    before: str | None
    after: str | None
    agent: str | None = None
    name: str | None = None


class Published(Struct, frozen=True):
    """Events of a tenant are committed, `at` this time: in `changes` one entry an event."""

    tenant: str
    source: str
    at: Millis
    changes: tuple[StateChanged, ...]
    detection_delays: tuple[float, ...]
    uncertainties: tuple[float, ...]
    missed_transitions: int


class AgentsCounted(Struct, frozen=True):
    """How many agents of a tenant are in each canonical state now."""

    tenant: str
    source: str
    by_state: Mapping[str, int]


class SnapshotHeld(Struct, frozen=True):
    """A snapshot's appearances and disappearances were quarantined."""

    tenant: str
    reason: str


class AgentsHeld(Struct, frozen=True):
    """Agents keep their stored state although the snapshot shows another: refused, an older view, ..."""

    tenant: str
    reason: str
    count: int


class QueuesPolled(Struct, frozen=True):
    """A request for a tenant's queues ended, its rows are committed: `outcome` as of polls.

    `refused` has the reason of each row that must not be published; its stored one stays.
    """

    tenant: str
    source: str
    outcome: str
    written: int = 0
    erased: int = 0
    refused: tuple[str, ...] = ()
    error: str | None = None


class StatusUnmapped(Struct, frozen=True):
    """A status was published of which no mapping knows a part: the vendor's `field`, and the `code` that it held."""

    tenant: str
    source: str
    field: str
    code: str


class FieldsUnknown(Struct, frozen=True):
    """An answer held `fields` that the vendor's document does not show, by their paths: `data[].mood`. They are ignored."""

    tenant: str
    source: str
    fields: frozenset[str]


class VendorClockFault(Struct, frozen=True):
    """A vendor's time of entry lay in the future of its own answer; the poll's bounds were used."""

    tenant: str
    count: int


class HealthChanged(Struct, frozen=True):
    """A tenant's health changed, or the reason for it; `advice` says why and what to do, in one line."""

    tenant: str
    source: str
    before: str | None
    health: str
    advice: str | None = None


class WatermarkMoved(Struct, frozen=True):
    """The stream of a tenant is complete up to this time."""

    tenant: str
    complete_through: Millis


class OperatorKey(Struct, frozen=True):
    """An operator's key of the config was carried out or refused: `resync`, `forget`, `forget_agents`."""

    tenant: str
    key: str
    outcome: str
    count: int


class TenantGone(Struct, frozen=True):
    """A tenant is no longer polled here: its series go."""

    tenant: str
    source: str


class CommitFinished(Struct, frozen=True):
    """A transaction ended: `outcome` is `committed` or the reason why the shard was lost."""

    shard: int
    outcome: str
    seconds: float
    records: int


class ClockOffset(Struct, frozen=True):
    """Our clock less the broker's, in seconds, seen at a commit."""

    seconds: float


class ShardsPlaced(Struct, frozen=True):
    """The group dealt the shards out anew: `shards` are ours now, `gained` and `lost` are those that moved."""

    shards: frozenset[int]
    gained: frozenset[int]
    lost: frozenset[int]


class GroupSilent(Struct, frozen=True):
    """The group that places the shards is not heard (any more, or yet): others may have ours. `reason` is one line."""

    reason: str


class GroupHeard(Struct, frozen=True):
    """The group is heard again, or for the first time."""


class RestoreAdvanced(Struct, frozen=True):
    """Of the tables of a shard that is being taken over `done` of `total` offsets are restored; None: it is not known.

    Told when it begins, and after each piece. Its end is that the shard is taken, or can't be.
    """

    shard: int
    done: int
    total: int | None


class ReadAdvanced(Struct, frozen=True):
    """Who reads a topic whole has come past `done` of the `total` offsets that it had then; None: it is not known yet."""

    topic: str
    done: int
    total: int | None


class ShardTaken(Struct, frozen=True):
    """A shard is ours: its state was restored in `seconds`."""

    shard: int
    seconds: float
    tenants: int
    agents: int


class ShardLoad(Struct, frozen=True):
    """What a shard that is served here carries: tenants that are polled, and agents with a status."""

    shard: int
    tenants: int
    agents: int


class ShardDropped(Struct, frozen=True):
    """A shard is no longer served here, or must be taken over again."""

    shard: int
    reason: str


class TakeOverFailed(Struct, frozen=True):
    """A shard could not be taken over; it is tried again in `retry_in` seconds."""

    shard: int
    reason: str
    retry_in: float


class UnconfiguredTenants(Struct, frozen=True):
    """How many tenants of a shard have rows but no config."""

    shard: int
    count: int


class ConfigLoaded(Struct, frozen=True):
    """A config is in use: so many tenants in all, added, changed (a secret of theirs too) and removed by it.

    `restart`: its top-level keys that differ from those in use and need a restart to take effect.
    """

    tenants: int
    added: int
    changed: int
    removed: int
    restart: tuple[str, ...] = ()


class ConfigRefused(Struct, frozen=True):
    """The config's files can't be used, the config before stays. Each problem is a line with its place and advice.

    `asked`: an operator asked for it to be read.
    """

    problems: tuple[str, ...]
    asked: bool


class SchemaProblem(Struct, frozen=True):
    """Why a schema is not registered: one word for it, and a line that says where, what, and what to do."""

    kind: str
    text: str


class SchemasChecked(Struct, frozen=True):
    """A schema registry was asked to have the schemas of our topics' values.

    `ids` and `problems` are by subject, and each subject is in one of them.
    """

    ids: Mapping[str, str]
    problems: Mapping[str, SchemaProblem]


class LoopLag(Struct, frozen=True):
    """How late the event loop ran a timer, in seconds."""

    seconds: float


Signal: TypeAlias = (
    PollerStarted
    | PollPlanned
    | PollFinished
    | Published
    | AgentsCounted
    | SnapshotHeld
    | AgentsHeld
    | QueuesPolled
    | StatusUnmapped
    | FieldsUnknown
    | VendorClockFault
    | HealthChanged
    | WatermarkMoved
    | OperatorKey
    | TenantGone
    | CommitFinished
    | ClockOffset
    | ShardsPlaced
    | GroupSilent
    | GroupHeard
    | RestoreAdvanced
    | ReadAdvanced
    | ShardTaken
    | ShardLoad
    | ShardDropped
    | TakeOverFailed
    | UnconfiguredTenants
    | ConfigLoaded
    | ConfigRefused
    | SchemasChecked
    | LoopLag
)

Observer: TypeAlias = Callable[[Signal], None]
"""Takes each signal as it happens. It must not block and must not raise."""


def nobody(_signal: Signal) -> None:
    """Observe nothing."""


def fan_out(observers: Iterable[Observer]) -> Observer:
    """Return one observer that passes each signal on to all of `observers`, in their order."""
    targets = tuple(observers)

    def tell(signal: Signal) -> None:
        for target in targets:
            target(signal)

    return tell
