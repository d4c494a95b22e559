"""The agents as 8x8's real-time statistics show them: status codes of their own, running clocks, counters.

Where the document is silent: `time-in-status` starts anew when the status, its reason or the sub-status changes, and
not between two activities that look the same; an agent who has logged in and done nothing yet is on break.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from streamer.simulator.activity import Activity, Reason, State
from streamer.simulator.identity import Ids
from streamer.simulator.ledger import OUT, Ledger

CODES: Mapping[Activity, int] = {
    Activity.NEVER_LOGGED_IN: 9,
    Activity.LOGGED_OUT: 9,
    Activity.LOGGED_IN: 4,
    Activity.ON_BREAK: 4,
    Activity.AVAILABLE: 0,
    Activity.WORK_OFFLINE: 5,
    Activity.OFFERED: 1,
    Activity.ON_CALL: 2,
    Activity.WRAP_UP: 3,
    Activity.BUSY: 2,
    Activity.DIRECT_CALL: 2,
    Activity.ON_EMAIL: 2,
}
PHONE, EMAIL = 1, 3
MEDIA: Mapping[Activity, int] = {
    Activity.OFFERED: PHONE,
    Activity.ON_CALL: PHONE,
    Activity.BUSY: PHONE,
    Activity.DIRECT_CALL: PHONE,
    Activity.ON_EMAIL: EMAIL,
}
"""Media type of an activity; the others leave that of the last one."""

UNUSED, IDLE, OFFERED, BUSY = -1, 0, 3, 5
LINES: Mapping[Activity, int] = {
    **dict.fromkeys(OUT, UNUSED),
    Activity.OFFERED: OFFERED,
    **dict.fromkeys((Activity.ON_CALL, Activity.DIRECT_CALL, Activity.BUSY), BUSY),
}
"""Status of phone line 1; idle in the other activities."""


class Status(NamedTuple):
    """The fields that are the status; null is an empty one."""

    code: int
    list_id: int | None
    item_id: int | None
    short_code: str | None
    sub_status: str


class Standing(msgspec.Struct, frozen=True):
    """All that is known of one agent; times in ms since the epoch, null where there is none."""

    ids: Ids
    name: str
    activity: Activity
    status: Status
    entered: int
    media: int
    last_login: int | None
    ledger: Ledger


def status_of(state: State) -> Status:
    """The status for what an agent is doing."""
    reason = state.reason or Reason(None, None)
    return Status(CODES[state.activity], reason.list_id, reason.item_id, reason.short_code, state.note or "none")


def shown(state: State) -> dict[str, Any]:
    """What the answer says of an agent's status, by the names of its fields."""
    status = status_of(state)
    return {
        "agent-status": status.code,
        "status-code-list-id": status.list_id,
        "status-code-item-id": status.item_id,
        "status-code-item-short-code": status.short_code,
        "agent-sub-status": status.sub_status,
    }


def follow(before: Standing | None, ids: Ids, name: str, *, at: int, state: State) -> Standing:
    """What is known after the agent entered `state` at `at`, where `before` was known until then."""
    status = status_of(state)
    ledger = Ledger() if before is None else before.ledger
    ledger.enter(state.activity, at=at)
    logs_in = state.activity not in OUT and (before is None or before.activity in OUT)
    return Standing(
        ids=ids,
        name=name,
        activity=state.activity,
        status=status,
        entered=before.entered if before is not None and before.status == status else at,
        media=MEDIA.get(state.activity, before.media if before else 0),
        last_login=at if logs_in else before.last_login if before else None,
        ledger=ledger,
    )
