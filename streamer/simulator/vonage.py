"""The agents as Vonage Contact Center's "Get agent current status" shows them: presence, workload, interactions.

Where the document is silent: an interaction weighs in the workload from its first ring to the end of its wrap-up
(else an agent who is wrapping up would look idle); a presence begins when its name or its description changes, not
with the eligibility for routing (so in the document's example); what has no description of its own repeats the name.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from streamer.simulator.activity import CALL_IGNORED, Activity, State
from streamer.simulator.identity import Ids

_NAMESPACE = uuid.UUID("0a7e3f0e-3c0e-4d5e-8f57-6f1c2b9d4e11")

STAGES = ("Ringing", "Connected", "Wrap")
"""An interaction goes through these in order; what goes back is another one."""

EXTENDED = ("Lunch", "Meet")
"""Breaks for which, says the document, ExtendedAway is commonly used."""


class Presence(msgspec.Struct, frozen=True, rename="camel"):
    """The agent's presence; `since` is in ms since the epoch."""

    since: int
    name: str
    description: str
    eligible_for_routing: bool


class Workload(msgspec.Struct, frozen=True, rename="camel"):
    """How many interactions the agent has; `since` is in ms since the epoch."""

    since: int
    calls: int
    semi_live: int
    non_live: int


class Interaction(msgspec.Struct, frozen=True, rename="camel"):
    """One interaction; `since` is in ms since the epoch."""

    guid: str
    channel_guid: str | None
    since: int
    medium: str
    medium_manager: str
    direction: str
    state: str
    reason: str | None


class View(msgspec.Struct, frozen=True, rename="camel"):
    """One agent, the fields in the order of the document's example."""

    agent_id: str
    presence: Presence
    workload: Workload
    interaction: tuple[Interaction, ...]


class Channel(NamedTuple):
    """What an interaction comes over."""

    medium: str
    manager: str


PHONE = Channel("Phone", "CC")
EXTENSION = Channel("Phone", "UC")
CASE = Channel("Case", "CC")

WORK: Mapping[Activity, Sequence[tuple[Channel, str]]] = {
    Activity.OFFERED: ((PHONE, "Ringing"),),
    Activity.ON_CALL: ((PHONE, "Connected"),),
    Activity.DIRECT_CALL: ((EXTENSION, "Connected"),),
    Activity.BUSY: ((EXTENSION, "Connected"), (CASE, "Connected")),
    Activity.ON_EMAIL: ((CASE, "Connected"),),
}
"""The interactions of an activity. Wrapping up is that of the interaction before it."""


class Step(msgspec.Struct, frozen=True):
    """An agent entered a state at `at` (ms since the epoch)."""

    ids: Ids
    at: int
    state: State


def follow(before: View | None, step: Step, *, whole: bool = False) -> View:
    """What is shown after a step, where `before` was shown until then (null: nothing).

    `whole`: an interaction has one `since`, its beginning, as the document's words can be read; otherwise each of
    its states (Ringing, Connected, Wrap) has its own, as each is an activity of its own in that document.
    """
    name, description = _presence(step.state)
    ready = step.state.activity is Activity.AVAILABLE
    interactions = tuple(
        _interaction(before, step, channel, stage, whole=whole) for channel, stage in _work(before, step.state)
    )
    calls = sum(each.medium == PHONE.medium for each in interactions)
    presence = Presence(step.at, name, description, ready)
    workload = Workload(step.at, calls, 0, len(interactions) - calls)
    if before is not None:
        old = before.presence
        if (old.name, old.description) == (name, description):
            presence = msgspec.structs.replace(presence, since=old.since)
        same = msgspec.structs.replace(workload, since=before.workload.since)
        workload = same if same == before.workload else workload
    return View(step.ids.vonage, presence, workload, interactions)


def shown(view: View) -> dict[str, Any]:
    """What the answer says of an agent's status, without the times; interactions in the order of their guids."""
    fields = msgspec.to_builtins(view)
    interactions = sorted(fields["interaction"], key=lambda each: str(each["guid"]))
    return {
        "presence": _undated(fields["presence"]),
        "workload": _undated(fields["workload"]),
        "interaction": [_undated(each) for each in interactions],
    }


def render(view: View, *, skew: int = 0) -> bytes:
    """One agent as JSON; the vendor's clock is `skew` ms ahead of ours."""
    fields = msgspec.to_builtins(view)
    for part in (fields["presence"], fields["workload"], *fields["interaction"]):
        part["since"] = timestamp(part["since"] + skew)
    return msgspec.json.encode(fields)


def timestamp(at: int) -> str:
    """A time (ms since the epoch) as the document writes it: `2019-12-19T16:00:23.249Z`."""
    return f"{datetime.fromtimestamp(at // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"


def _presence(state: State) -> tuple[str, str]:
    code = state.reason.short_code if state.reason else None
    match state.activity:
        case Activity.NEVER_LOGGED_IN | Activity.LOGGED_OUT:
            return "LoggedOut", "LoggedOut"
        case Activity.LOGGED_IN:
            return "Away", "Logged In"
        case Activity.ON_BREAK:
            default = "Call Ignored" if state.reason == CALL_IGNORED else "Away"
            return ("ExtendedAway" if code in EXTENDED else "Away"), code or default
        case Activity.WORK_OFFLINE:
            return "ExtendedAway", f"Working Offline: {code}" if code else "Working Offline"
        case _:
            return "Ready", "Ready"


def _work(before: View | None, state: State) -> Sequence[tuple[Channel, str]]:
    if state.activity is not Activity.WRAP_UP:
        return WORK.get(state.activity, ())
    last = before.interaction[0] if before and before.interaction else None
    return ((Channel(last.medium, last.medium_manager) if last else PHONE, "Wrap"),)


def _interaction(before: View | None, step: Step, channel: Channel, stage: str, *, whole: bool) -> Interaction:
    earlier = before.interaction if before else ()
    old = next((each for each in earlier if (each.medium, each.medium_manager) == channel), None)
    if old is not None and STAGES.index(old.state) <= STAGES.index(stage):
        return msgspec.structs.replace(old, state=stage, since=old.since if whole or old.state == stage else step.at)
    if channel == EXTENSION:
        direction = "Internal"
    else:
        direction = "Inbound" if channel == CASE or stage == "Ringing" else "Outbound"
    return Interaction(
        guid=str(uuid.uuid5(_NAMESPACE, f"{step.ids.guid}/{step.at}/{channel.medium}/{channel.manager}")),
        channel_guid=None,
        since=step.at,
        medium=channel.medium,
        medium_manager=channel.manager,
        direction=direction,
        state=stage,
        reason=None,
    )


def _undated(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != "since"}
