"""What an agent's presence, workload and interactions mean together at Vonage, and how a tenant refines that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from streamer.config import StatusTarget, plain_words
from streamer.model import Meaning, Reason, Unmapped
from streamer.sources.unmapped import unknown
from streamer.sources.vonage_components import INTERACTIONS, SIGNIFICANT, WORKLOAD

PRESENCES: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "Ready": Meaning("ready"),
        "Away": Meaning("not_ready", "break"),
        "ExtendedAway": Meaning("not_ready", "extended_away"),
        "LoggedOut": Meaning("logged_out"),
    }
)
"""The presences. `LoggedOut` decides alone; the others only where no interaction of the table below does."""

INTERACTION_STATES: Final[Mapping[str, Meaning | None]] = MappingProxyType(
    {
        "Wrap": Meaning("working_after_call"),
        "Connected": Meaning("busy"),
        "Ringing": Meaning("busy", "reserved"),
        "Unexpected": None,
        "Failed": None,
    }
)
"""The states of interactions; of several the first in this order decides. None: the agent is not at work on it."""

MEDIA: Final[Mapping[str | None, str | None]] = MappingProxyType({"Phone": None, "Call": None, "Case": "case"})
"""What refines `Connected`. The document names these media; another one is `detail` null, and in `vendor`."""

MONITORING: Final = "monitoring"
"""What refines any state of an interaction whose reason is `Monitor`."""

WORKING: Final = Meaning("busy")
"""A ready agent with a workload and no interaction that tells more."""

READY: Final = "Ready"
LOGGED_OUT: Final = "LoggedOut"
CONNECTED: Final = "Connected"
MONITOR: Final = "Monitor"


class VonageVocabulary:
    """What statuses mean to one tenant, whose `status_map` may name presences: `Away`, or `Away/Lunch`."""

    def __init__(self, status_map: Mapping[str, StatusTarget]) -> None:
        """Take the tenant's `status_map`; of its keys only the words count."""
        self._own = {plain_words(key): Meaning(each.state, each.detail) for key, each in status_map.items()}

    def interpret(self, vendor: Mapping[str, Any]) -> Meaning:
        """Look a status up: interactions first, then the workload, then the presence. Never raises.

        Each part that no table knows is told as unmapped, under its own field: the presence where it decides, and
        interactions always, since what is not known of them may be what should have decided.
        """
        name = _text(vendor, "code")
        interactions = _interactions(vendor)
        meaning = None if name == LOGGED_OUT else _of_interactions(interactions)
        if meaning is None and name == READY and _has_workload(vendor):
            meaning = WORKING
        if meaning is None:
            meaning = self._of_presence(name, _text(vendor, "label"))
        states = dict.fromkeys(f"{each.get('state')}" for each in interactions)
        strange = tuple(Unmapped("interaction.state", state) for state in states if state not in INTERACTION_STATES)
        return msgspec.structs.replace(meaning, unmapped=(*meaning.unmapped, *strange)) if strange else meaning

    def _of_presence(self, name: str | None, description: str | None) -> Meaning:
        keys = (f"{name}/{description}", f"{name}")
        meaning = next((self._own[key] for key in map(plain_words, keys) if key in self._own), None)
        meaning = meaning or PRESENCES.get(f"{name}") or unknown("presence.name", name, fault=status_key_fault)
        if description in (None, "", name):
            return meaning
        reason = Reason(code=description, name=description, list=name)
        return msgspec.structs.replace(meaning, reason=reason)


def status_key_fault(key: str) -> str | None:
    """Refuse keys that are not `Away` or `Away/Lunch`: presence, description."""
    name, slash, description = key.partition("/")
    if plain_words(name) and (plain_words(description) or not slash):
        return None
    return f"{key!r} is no status — write PRESENCE or PRESENCE/DESCRIPTION, such as Away/Lunch"


def _of_interactions(interactions: Sequence[Mapping[str, Any]]) -> Meaning | None:
    """Return what decides among interactions; None if none of them does."""
    for state, meaning in INTERACTION_STATES.items():
        deciding = [each for each in interactions if _text(each, "state") == state]
        if meaning is not None and deciding:
            return min((_refined(meaning, each) for each in deciding), key=_monitoring_last)
    return None


def _refined(meaning: Meaning, interaction: Mapping[str, Any]) -> Meaning:
    if _text(interaction, "reason") == MONITOR:
        return msgspec.structs.replace(meaning, detail=MONITORING)
    if _text(interaction, "state") == CONNECTED:
        return msgspec.structs.replace(meaning, detail=MEDIA.get(_text(interaction, "medium")))
    return meaning


def _monitoring_last(meaning: Meaning) -> tuple[bool, str]:
    """Order what several interactions mean: a call of the agent's own is plainest, one that is listened to counts last."""
    return meaning.detail == MONITORING, meaning.detail or ""


def _has_workload(vendor: Mapping[str, Any]) -> bool:
    workload = vendor.get(WORKLOAD)
    counts = [workload.get(field) for field in SIGNIFICANT[WORKLOAD]] if isinstance(workload, Mapping) else []
    return any(isinstance(count, int) and count > 0 for count in counts)


def _interactions(vendor: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    listed = vendor.get(INTERACTIONS)
    return [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []


def _text(fields: Mapping[str, Any], field: str) -> str | None:
    value = fields.get(field)
    return value if isinstance(value, str) else None
