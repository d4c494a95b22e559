"""An agent's status at Vonage is several components: the presence, the workload and each interaction.

Each keeps its own `since`, so what happened between two views, and when, is told by the components that differ.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct

from streamer.model import AgentStatus, Interval, Millis, Transition
from streamer.sources.skew import Skew

PRESENCE: Final = "presence"
WORKLOAD: Final = "workload"
INTERACTIONS: Final = "interactions"

SIGNIFICANT: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        PRESENCE: ("name", "description"),
        WORKLOAD: ("calls", "semiLive", "nonLive"),
        INTERACTIONS: ("medium", "mediumManager", "direction", "state", "reason"),
    }
)
"""The published fields that decide whether a component changed; one that is absent equals null. An interaction is known
by its `guid`, so the order of a list is no change."""

STAGES: Final = ("Ringing", "Connected", "Wrap")
"""The states that an interaction goes through, in this order."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Component(Struct, frozen=True):
    """One component: its significant values, and since when it has them by the vendor's clock, None if that is not told.

    `stage` is how far an interaction has come, by `STAGES`; None for what has no such life, or is not known.
    """

    value: tuple[Any, ...]
    since: Millis | None
    stage: int | None = None


Components = Mapping[str, Component]


class Entry(Struct, frozen=True):
    """When a status was entered by the vendor's clock: at `at`, or at some time from then on if it is `open`."""

    at: Millis
    open: bool


class VonageStatus(AgentStatus, frozen=True, kw_only=True):
    """A status that knows how to read the vendor's clock, and by when, in our clock, it had been entered."""

    skew: Skew | None
    seen: Millis


def transition(stored: Mapping[str, Any], status: AgentStatus) -> Transition:
    """Compare a stored status, as published, with what a snapshot shows. Times are compared as sent, so exactly."""
    before, after = components(stored), components(status.vendor)
    entry, newest = entry_into(after, before), max(_news(before, after).values(), default=None)
    return Transition(
        same=significant(before) == significant(after),
        entered=in_our_clock(entry, status.skew, status.seen) if isinstance(status, VonageStatus) else None,
        missed=int(any(_again(each, before.get(key)) for key, each in after.items())),
        older=_went_back(before, after) if entry is None else newest is not None and entry.at < newest,
    )


def components(vendor: Mapping[str, Any]) -> Components:
    """Take a status, as published, apart. Never raises."""
    listed = vendor.get(INTERACTIONS)
    found = {
        PRESENCE: _component(PRESENCE, vendor.get(PRESENCE)),
        WORKLOAD: _component(WORKLOAD, vendor.get(WORKLOAD)),
    }
    for fields in listed if isinstance(listed, list) else ():
        each = _component(INTERACTIONS, fields)
        key = f"{INTERACTIONS}/{fields.get('guid') if isinstance(fields, Mapping) else None}"
        if (twin := found.get(key)) is not None:  # which of them is which can't be told from one view to the next
            each = Component(value=(twin.value, each.value), since=None)
        found[key] = each
    return found


def significant(parts: Components) -> Hashable:
    """Return what decides whether a status changed."""
    return frozenset((key, each.value) for key, each in parts.items())


def entry_into(after: Components, before: Components) -> Entry | None:
    """Return when the status of one view was entered, coming from that of another (or none): None if nothing tells it.

    It is the latest time among the components that differ. It may have been later if one of them has no time that
    tells, or is an interaction that began with the workload and rings no more: by the document's words `since` may be
    its beginning. When an interaction vanished is told by the workload, which is empty exactly while an agent is idle.
    """
    times = _news(after, before)
    if not times:
        return None
    workload = after[WORKLOAD].since
    vanished = before.keys() - after.keys()
    is_open = bool(vanished) and WORKLOAD not in times
    for key, each in after.items():
        other = before.get(key)
        if other is None:
            rings_no_more = key not in (PRESENCE, WORKLOAD) and each.stage != 0
            is_open |= each.since is None or (rings_no_more and (workload is None or each.since <= workload))
        elif other.value != each.value:
            is_open |= each.since is None or each.since == other.since
    return Entry(at=max(times.values()), open=is_open)


def in_our_clock(entry: Entry | None, skew: Skew | None, seen: Millis) -> Interval | None:
    """Return when a status was entered that was seen at `seen`; None if that, or the vendor's clock, is not known."""
    if entry is None or skew is None:
        return None
    at = skew.ours(entry.at)
    return Interval(earliest=at.earliest, latest=max(at.latest, seen)) if entry.open else at


def moment(text: object) -> Millis | None:
    """Read a time in ISO 8601, in UTC where it has no offset, in milliseconds since the Unix epoch.

    None for anything else, and for times before 1970: those stand for none.
    """
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
        passed = (at.replace(tzinfo=UTC) if at.tzinfo is None else at) - _EPOCH
    except (ValueError, OverflowError):
        return None
    millis = (passed.days * 86_400 + passed.seconds) * 1000 + passed.microseconds // 1000
    return millis if millis >= 0 else None


def _component(kind: str, fields: object) -> Component:
    told = fields if isinstance(fields, Mapping) else {}
    return Component(
        value=tuple(told.get(field) for field in SIGNIFICANT[kind]),
        since=moment(told.get("since")),
        stage=STAGES.index(state) if kind == INTERACTIONS and (state := told.get("state")) in STAGES else None,
    )


def _news(view: Components, other: Components) -> Mapping[str, Millis]:
    """Return the times of a view's components that the other view does not hold."""
    times = {}
    for key, each in view.items():
        against = other.get(key)
        unknown = against is not None and against.since is None and against.value == each.value
        if each.since is not None and not unknown and (against is None or against.since != each.since):
            times[key] = each.since
    return times


def _again(each: Component, before: Component | None) -> bool:
    """Tell whether a component left its value and came back to it."""
    if before is None or before.since is None or each.since is None:
        return False
    return before.value == each.value and each.since > before.since


def _went_back(before: Components, after: Components) -> bool:
    """Tell whether an interaction is shown at an earlier stage than before, without having been entered anew."""
    return any(
        each.stage is not None and old.stage is not None and each.stage < old.stage and each.since == old.since
        for key, each in after.items()
        if (old := before.get(key)) is not None
    )
