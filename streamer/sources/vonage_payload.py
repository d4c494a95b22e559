"""Reads what Vonage Contact Center's "Get agent current status" answers: a page of agents.

Of an agent the fields that the document shows are published, as they were sent, and no others: an interaction might
come to tell who called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from streamer.model import Millis, Window
from streamer.sources import payload
from streamer.sources.documented import Documented, UnknownFields
from streamer.sources.errors import PollError
from streamer.sources.paging import Page
from streamer.sources.skew import Skew
from streamer.sources.vonage_components import (
    INTERACTIONS,
    PRESENCE,
    SIGNIFICANT,
    WORKLOAD,
    VonageStatus,
    components,
    entry_into,
    in_our_clock,
    moment,
    significant,
)


class Presence(Struct, frozen=True, rename="camel"):
    """What the agent is willing to do."""

    name: str
    since: str | None = None
    description: str | None = None
    eligible_for_routing: bool | None = None


class Workload(Struct, frozen=True, rename="camel"):
    """How many interactions the agent has. Numbers may come as text."""

    since: str | None = None
    calls: int | str | None = None
    semi_live: int | str | None = None
    non_live: int | str | None = None


class Interaction(Struct, frozen=True, rename="camel"):
    """One of them."""

    guid: str
    state: str
    since: str | None = None
    channel_guid: str | None = None
    medium: str | None = None
    medium_manager: str | None = None
    direction: str | None = None
    reason: str | None = None


class Agent(Struct, frozen=True, rename="camel"):
    """One agent as the vendor sends it; further fields are told and ignored."""

    agent_id: str
    presence: Presence
    workload: Workload | None = None
    interaction: list[Interaction] | None = None


class Meta(Struct, frozen=True, rename="camel"):
    """Where a page stands among the others. Numbers may come as text."""

    page: int | str
    count: int | str
    page_count: int | str
    total_count: int | str


class Envelope(Struct, frozen=True, rename="camel"):
    """A page, its items not looked into yet."""

    meta: Meta
    items: list[msgspec.Raw]
    up_to: str | None = None


class Reading(Struct, frozen=True):
    """How to read an answer's times: the vendor's clock against ours, and when, in ours, the answer was there."""

    skew: Skew | None
    seen: Millis

    def earliest(self, at: Millis) -> Millis:
        """Return when it was `at` by the vendor's clock, at the earliest; a clock of which nothing is known is as ours."""
        return at if self.skew is None else self.skew.ours(at).earliest


_ENVELOPE = Documented(Envelope)
_AGENT = Documented(Agent)

Memo = Mapping[bytes, VonageStatus]
"""An agent's item of the last snapshot, as it came, and what it was decoded to."""


class Sheet(Struct, frozen=True):
    """What a page says: its place among the pages, its agents by id with their memo, the vendor's date of its data."""

    meta: Meta
    agents: Mapping[str, VonageStatus]
    memo: Memo
    up_to: Millis | None

    def page(self, window: Window) -> Page[VonageStatus]:
        """Return it as one of a list, true in `window`.

        Raises:
            PollError: invalid_body.

        """
        meta = self.meta
        return Page(
            items=self.agents,
            window=window,
            number=payload.whole_number(meta.page, "$.meta.page"),
            count=payload.whole_number(meta.count, "$.meta.count"),
            pages=payload.whole_number(meta.page_count, "$.meta.pageCount"),
            total=payload.whole_number(meta.total_count, "$.meta.totalCount"),
        )


def read_page(body: bytes, *, memo: Memo, reading: Reading, unknown: UnknownFields) -> Sheet:
    """Read a page. Items that are byte for byte as in the memo give the identical objects.

    Raises:
        PollError: invalid_body with the path of what is wrong, or incomplete for an agent that is listed twice.

    """
    envelope = _ENVELOPE.read(payload.json_text(body), unknown)
    agents: dict[str, VonageStatus] = {}
    seen: dict[bytes, VonageStatus] = {}
    for index, item in enumerate(envelope.items):
        raw = bytes(item)
        status = memo.get(raw)
        if status is None:
            path = f"$.items[{index}]"
            status = status_of(_AGENT.read(raw, unknown, path=path), path=path, reading=reading)
        if status.agent in agents:
            raise PollError("incomplete", f"$.items[{index}]: an agent that was listed before")
        agents[status.agent] = seen[raw] = status
    return Sheet(envelope.meta, agents, seen, moment(envelope.up_to))


def status_of(agent: Agent, *, path: str, reading: Reading) -> VonageStatus:
    """Make the status of an agent whose item stands at `path`.

    Raises:
        PollError: invalid_body.

    """
    if not agent.presence.name.strip():
        raise payload.invalid(f"{path}.presence.name", "the name is blank")
    workload = None if agent.workload is None else msgspec.to_builtins(agent.workload)
    for field in SIGNIFICANT[WORKLOAD]:
        if workload is not None and workload[field] is not None:
            workload[field] = payload.whole_number(workload[field], f"{path}.workload.{field}")
    interactions = sorted(agent.interaction or (), key=lambda each: (each.guid, msgspec.json.encode(each)))
    vendor: dict[str, Any] = {
        "code": agent.presence.name,
        "label": agent.presence.description,
        PRESENCE: msgspec.to_builtins(agent.presence),
        WORKLOAD: workload,
        INTERACTIONS: msgspec.to_builtins(interactions),
    }
    parts = components(vendor)
    entered = in_our_clock(entry_into(parts, {}), reading.skew, reading.seen)
    return VonageStatus(
        agent=payload.agent_id(agent.agent_id, f"{path}.agentId"),
        name=None,  # this API tells none
        vendor=vendor,
        significant=significant(parts),
        entered=entered,
        basis="poll_bounds" if entered is None else "vendor_since",
        skew=reading.skew,
        seen=reading.seen,
    )
