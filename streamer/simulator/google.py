"""The agents as Google's CCAI Platform shows them: a status is a free text, the system's or the customer's own.

The document names Available, In-call, Offline and a custom "lunch". The rest of the system's texts are those of the
platform's reports. It has no text for an agent whose phone rings: a call counts from its first ring on. Nor does it
tell why somebody is offline, what kind of call it is, or since when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from streamer.simulator.activity import BREAK_CODES, CALL_IGNORED, Activity, State
from streamer.simulator.identity import Ids

STATUSES: Mapping[Activity, str] = {
    Activity.NEVER_LOGGED_IN: "Offline",
    Activity.LOGGED_OUT: "Offline",
    Activity.LOGGED_IN: "Unavailable",
    Activity.ON_BREAK: "Break",
    Activity.AVAILABLE: "Available",
    Activity.WORK_OFFLINE: "Special Task",
    Activity.OFFERED: "In-call",
    Activity.ON_CALL: "In-call",
    Activity.WRAP_UP: "Wrap-up",
    Activity.BUSY: "In-call",
    Activity.DIRECT_CALL: "In-call",
    Activity.ON_EMAIL: "In-chat",
}
MISSED = "Missed Call"
CUSTOM: Sequence[str] = tuple(str(code.short_code).lower() for code in BREAK_CODES)
"""The customer's own statuses: a break by the name of its reason."""


class Item(msgspec.Struct, frozen=True):
    """One agent as the API answers, its fields in the order of the document's example."""

    agent_id: int
    name: str
    email: str
    agent_number: str
    status: str
    ip_addrs: tuple[str, ...]


def shown(state: State) -> dict[str, Any]:
    """What the answer says of an agent's status."""
    return {"status": _status(state)}


def render(ids: Ids, name: str, state: State) -> bytes:
    """One agent as JSON; addresses are of the ranges set aside for documents (RFC 2606, RFC 5737)."""
    return msgspec.json.encode(
        Item(
            agent_id=ids.google,
            name=name,
            email=f"{ids.login}@example.com",
            agent_number=f"Agent No.{100 + ids.google}",
            status=_status(state),
            ip_addrs=(f"203.0.113.{1 + ids.number % 254}",),
        )
    )


def _status(state: State) -> str:
    if state.activity is Activity.ON_BREAK and state.reason == CALL_IGNORED:
        return MISSED
    if state.activity is Activity.ON_BREAK and state.reason is not None and state.reason.short_code:
        return state.reason.short_code.lower()
    return STATUSES[state.activity]
