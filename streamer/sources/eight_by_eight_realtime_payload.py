"""Reading the agents of 8x8's real-time statistics, from JSON or XML, into the same values.

The vendor's document shows one agent in XML and no JSON at all: see docs/decisions/0011.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct, field

from streamer.model import AgentStatus, Interval, Millis, Window
from streamer.sources import payload
from streamer.sources.documented import Documented, UnknownFields
from streamer.sources.eight_by_eight import ITEM, LIST, SHORT_CODE, SUB_STATUS, Status, significant
from streamer.sources.eight_by_eight_realtime_values import Value, plain, text
from streamer.sources.errors import PollError
from streamer.sources.xml_payload import Shape, records

Format: TypeAlias = Literal["json", "xml"]
Field: TypeAlias = int | str | None

LOGGED_OUT: Final = 9

STATUSES: Final[Mapping[int, Status]] = MappingProxyType(
    {
        0: Status("available", "ready"),
        1: Status("transaction offered", "busy", "reserved"),
        2: Status("busy", "busy"),
        3: Status("post processing", "working_after_call"),
        4: Status("on break", "not_ready", "break"),
        5: Status("work offline", "not_ready", "work_offline"),
        LOGGED_OUT: Status("logged out", "logged_out"),
    }
)
"""The vendor's statuses by `agent-status`. They are not those of its agent-status API."""

SYSTEM_ITEMS: Final[Mapping[int, str]] = MappingProxyType(
    {
        0: "Session closed from Jabber",
        1: "Session Timed-Out",
        2: "Maintenance Mode",
        3: "Logout from Operation Dashboard",
        4: "Call Ignored from phone",
        5: "Interaction Timed Out",
        6: "Agent Relogin",
    }
)
"""The vendor's own reasons, by `status-code-item-id`, which belong to no code list of the tenant's."""

GUID: Final = "agent-guid"
LOGIN: Final = "agent-id"
CODE: Final = "agent-status"
CLOCK: Final = "time-in-status"

ROUNDING: Final[Millis] = 1_000
"""`time-in-status` is "in seconds"; which way it is rounded is not said, so it may be off by less than one either way."""

LONGEST: Final = 10 * 366 * 86_400
"""Seconds. Nobody was in one status for ten years: such a time, or -1, is the vendor's way to say that it knows none."""


class Agent(Struct, frozen=True, rename="kebab"):
    """The fields of an agent that are read. Numbers may come as text and text as numbers; nothing equals absent."""

    agent_guid: Field = None
    agent_id: Field = None
    agent_name: Field = None
    agent_status: Field = None
    agent_sub_status: Field = None
    agent_sub_status_capital: Field = field(default=None, name="Agent-sub-status")  # so in the document's table
    agent_media_id: Field = None
    group_id: Field = None
    status_code_item_id: Field = None
    status_code_item_short_code: Field = None
    status_code_list_id: Field = None
    time_in_status: Field = None


NOT_READ: Final = frozenset(
    {
        "active-customer-chat-count",
        "assigned-skill-count",
        "day-accepted-count",
        "day-available-time",
        "day-avg-processing-time",
        "day-break-time",
        "day-login-time",
        "day-offline-time",
        "day-processing-time",
        "day-rejected-count",
        "day-wrap-up-time",
        "enabled-skill-count",
        "idle-start-time",
        "last-login-time",
        "longest-active-customer-chat-duration",
        "max-concurrent-customer-chat",
        "phone-line1-status",
        "phone-line1-status-time",
        "phone-line2-status",
        "phone-line2-status-time",
        "thirty-min-accepted-count",
        "thirty-min-available-time",
        "thirty-min-avg-handling-time",
        "thirty-min-break-time",
        "thirty-min-offline-time",
        "thirty-min-processing-time",
        "thirty-min-rejected-count",
        "thirty-min-wrap-up-time",
    }
)
"""All other fields of an agent that the vendor's document shows, in its example or its table: they move by themselves."""

AGENTS: Final = Shape(
    tag="agent",
    lists=("agents", "agent", "data"),
    mark=CODE,
    fields=frozenset(Agent.__struct_encode_fields__),
    besides=NOT_READ,
)

_NODE = msgspec.json.Decoder(list[msgspec.Raw] | dict[str, msgspec.Raw])
_AGENT = Documented(Agent, besides=NOT_READ)


class Listed(Struct, frozen=True):
    """One agent of an answer: its status, but for when it was entered, and for how many seconds it has lasted."""

    status: AgentStatus
    seconds: int | None


def read_agents(body: bytes, *, form: Format, names: bool, unknown: UnknownFields) -> Sequence[Listed]:
    """Read an answer, for all agents or for one.

    Raises:
        PollError: invalid_body with the path of what is wrong, or incomplete for an agent that is listed twice.

    """
    listed: dict[str, Listed] = {}
    for path, agent in _agents(body, form, unknown):
        each = _listed(agent, path=path, names=names)
        if each.status.agent in listed:
            raise PollError("incomplete", f"{path}: an agent that was listed before")
        listed[each.status.agent] = each
    return list(listed.values())


def _agents(body: bytes, form: Format, unknown: UnknownFields) -> Iterator[tuple[str, Agent]]:
    """Yield the fields of each agent, with its path."""
    if form == "xml":
        found = records(body, AGENTS, unknown)
        yield from ((path, msgspec.convert(record, Agent)) for path, record in found)
        return
    for path, item in json_items(body, AGENTS, unknown):
        yield path, _AGENT.read(item, unknown, path=path)


def statuses_of(listed: Sequence[Listed], *, window: Window) -> Mapping[str, AgentStatus]:
    """Return the statuses of all agents of an answer, by their ids; the answer was taken in `window`."""
    return {each.status.agent: _dated(each, window) for each in listed}


def _dated(listed: Listed, window: Window) -> AgentStatus:
    """Return a status with when it was entered, if its clock tells."""
    status, entered = listed.status, None if listed.seconds is None else entry(listed.seconds, window)
    if entered is None:
        return status
    return AgentStatus(status.agent, status.name, status.vendor, status.significant, entered, "time_in_status")


def _listed(agent: Agent, *, path: str, names: bool) -> Listed:
    """Read the fields of an agent that stands at `path`; `names` says whether the tenant wants names.

    Raises:
        PollError: invalid_body.

    """
    code = _number(agent.agent_status, f"{path}.{CODE}")
    if code is None:
        raise payload.invalid(f"{path}.{CODE}", "is missing")
    guid, login, seconds = text(agent.agent_guid), text(agent.agent_id), plain(agent.time_in_status)
    if guid is None and login is None:
        raise payload.invalid(f"{path}.{LOGIN}", "is missing, and so is agent-guid")
    sub_status = text(agent.agent_sub_status)
    known: dict[str, Value] = {
        GUID: guid,
        LOGIN: login,
        "agent-media-id": plain(agent.agent_media_id),
        SUB_STATUS: text(agent.agent_sub_status_capital) if sub_status is None else sub_status,
        "group-id": plain(agent.group_id),
        LIST: _number(agent.status_code_list_id, f"{path}.{LIST}"),
        ITEM: _number(agent.status_code_item_id, f"{path}.{ITEM}"),
        SHORT_CODE: text(agent.status_code_item_short_code),
        CLOCK: seconds,
    }
    vendor: dict[str, Any] = {"code": code, "label": STATUSES[code].label if code in STATUSES else None}
    vendor |= {key: value for key, value in known.items() if value is not None}
    status = AgentStatus(
        agent=payload.agent_id(guid or login or "", f"{path}.{LOGIN if guid is None else GUID}"),
        name=payload.agent_name(text(agent.agent_name), wanted=names),
        vendor=vendor,
        significant=significant(vendor),
    )
    return Listed(status, seconds if isinstance(seconds, int) else None)


def entry(seconds: int, window: Window) -> Interval | None:
    """Return when a status was entered that had lasted for `seconds` at some moment in `window`; None for no time."""
    if not 0 <= seconds <= LONGEST:
        return None
    latest = window.end - seconds * 1000 + ROUNDING
    return Interval(earliest=window.start - seconds * 1000 - ROUNDING, latest=min(latest, window.end))


def json_items(body: bytes, shape: Shape, unknown: UnknownFields) -> Iterator[tuple[str, msgspec.Raw]]:
    """Find the items of an answer in JSON with their paths: a list, one alone, or either of them in a field.

    Raises:
        PollError: invalid_body.

    """
    node, path = msgspec.Raw(payload.json_text(body)), "$"
    for _ in range(len(shape.lists)):
        value = payload.decode(_NODE, node, path=path)
        if isinstance(value, list):
            yield from ((f"{path}[{index}]", item) for index, item in enumerate(value))
            return
        if shape.mark in value:
            yield path, node
            return
        held = [key for key in shape.lists if key in value]
        if len(held) != 1:
            raise payload.invalid(path, f"holds {'more than one' if held else 'none'} of {', '.join(shape.lists)}")
        unknown.add(path, value.keys() - {held[0]})
        node, path = value[held[0]], f"{path}.{held[0]}"
    raise payload.invalid(path, f"expected a list of {shape.lists[0]}, got one object in another")


def _number(value: Field, path: str) -> int | None:
    """Return a number that the status rests on: text that is none spoils the answer."""
    blank = isinstance(value, str) and not value.strip()
    return None if value is None or blank else payload.whole_number(value, path)
