"""What tells one status of an agent from another at each vendor.

The vendors' own words: in what a vendor shows, and in the `vendor` object that is published of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

Fields: TypeAlias = Mapping[str, Any]

StatusKey: TypeAlias = tuple[Any, ...]
"""The values that are the status, None where a field is absent."""


class Reading(NamedTuple):
    """How the same status is read from what a vendor showed, and from what was published of it."""

    shown: Callable[[Fields], StatusKey]
    published: Callable[[Fields], StatusKey]


REASON = ("status-code-list-id", "status-code-item-id", "status-code-item-short-code", "agent-sub-status")
PRESENCE = ("name", "description")
WORKLOAD = ("calls", "semiLive", "nonLive")
INTERACTION = ("guid", "medium", "mediumManager", "direction", "state", "reason")


def _these(*names: str) -> Callable[[Fields], StatusKey]:
    return lambda fields: tuple(fields.get(name) for name in names)


def _components(interactions: str) -> Callable[[Fields], StatusKey]:
    presence, workload, interaction = _these(*PRESENCE), _these(*WORKLOAD), _these(*INTERACTION)

    def key(fields: Fields) -> StatusKey:
        under_way: Sequence[StatusKey] = sorted(map(interaction, fields[interactions]), key=lambda each: str(each[0]))
        return (presence(fields["presence"]), workload(fields["workload"]), *under_way)

    return key


EIGHT_BY_EIGHT = Reading(shown=_these("agent-status", *REASON), published=_these("code", *REASON))

READINGS: Mapping[str, Reading] = {
    "8x8-agent-status": EIGHT_BY_EIGHT,
    "8x8-realtime-stats": EIGHT_BY_EIGHT,
    "vonage-agent-status": Reading(shown=_components("interaction"), published=_components("interactions")),
    "google-ccaip": Reading(shown=_these("status"), published=_these("code")),
}
"""By `source`, which every event names."""
