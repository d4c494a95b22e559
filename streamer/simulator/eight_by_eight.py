"""The agents as 8x8's "CC Managing Agent Status" API shows them.

Field names, and which of them are absent when, follow the four examples of the vendor's document: an agent who never
logged in or is logged out has no sub-status, a reason given by the system has no short code.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from streamer.simulator.activity import Activity, Reason, State

CODES: Mapping[Activity, int] = {
    Activity.NEVER_LOGGED_IN: 0,
    Activity.LOGGED_OUT: 1,
    Activity.LOGGED_IN: 2,
    Activity.ON_BREAK: 3,
    Activity.AVAILABLE: 4,
    Activity.WORK_OFFLINE: 5,
    Activity.OFFERED: 6,
    Activity.ON_CALL: 7,
    Activity.WRAP_UP: 8,
    Activity.BUSY: 9,
    Activity.DIRECT_CALL: 10,
    Activity.ON_EMAIL: 11,
}
ACTIVITIES: Mapping[int, Activity] = {code: activity for activity, code in CODES.items()}


class Status(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """The vendor's status fields of one agent; null stands for a field that the answer leaves out."""

    agent_status: int
    status_code_list_id: int | None = None
    status_code_item_id: int | None = None
    status_code_item_short_code: str | None = None
    agent_sub_status: str | None = None


class Item(msgspec.Struct, frozen=True, rename="kebab", omit_defaults=True):
    """One agent as the API answers, its fields in the order of the vendor's examples."""

    agent_id: str
    agent_status: int
    status_code_list_id: int | None = None
    status_code_item_id: int | None = None
    status_code_item_short_code: str | None = None
    name: str | None = None
    agent_sub_status: str | None = None


def agent_id(*, seed: int, tenant: str, number: int) -> str:
    """The vendor's id of an agent: `ag` and 22 URL-safe characters, the same for the same arguments."""
    digest = hashlib.blake2b(f"{seed}/{tenant}/{number}".encode(), digest_size=16).digest()
    return "ag" + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def status_of(state: State) -> Status:
    """The vendor's status fields for what an agent is doing."""
    reason = state.reason or Reason(None, None)
    signed_in = state.activity not in (Activity.NEVER_LOGGED_IN, Activity.LOGGED_OUT)
    return Status(
        agent_status=CODES[state.activity],
        status_code_list_id=reason.list_id,
        status_code_item_id=reason.item_id,
        status_code_item_short_code=reason.short_code,
        agent_sub_status=state.note or ("none" if signed_in else None),
    )


def state_of(status: Status) -> State:
    """What an agent with these status fields is doing; raises `ValueError` for an unknown status code."""
    if status.agent_status not in ACTIVITIES:
        raise ValueError(f"agent-status {status.agent_status} is none of the vendor's: 0 to {max(ACTIVITIES)}")
    reason = Reason(status.status_code_list_id, status.status_code_item_id, status.status_code_item_short_code)
    return State(
        activity=ACTIVITIES[status.agent_status],
        reason=None if reason == Reason(None, None) else reason,
        note=None if status.agent_sub_status == "none" else status.agent_sub_status,
    )


def shown(state: State) -> dict[str, Any]:
    """What the answer says of an agent's status, by the names of its fields; null where it leaves one out."""
    fields: dict[str, Any] = msgspec.to_builtins(status_of(state))
    return fields


def render(agent: str, name: str, state: State) -> bytes:
    """One agent as JSON."""
    return msgspec.json.encode(Item(agent_id=agent, name=name, **msgspec.structs.asdict(status_of(state))))
