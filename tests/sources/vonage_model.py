"""A model of an agent at Vonage: what truly happened, and what a node shows of it, with the document's times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from hypothesis import strategies as st
from msgspec import Struct

from streamer.clock import parse_rfc3339, rfc3339
from streamer.model import Millis, Window
from streamer.sources.documented import UnknownFields
from streamer.sources.skew import Skew
from streamer.sources.vonage_components import VonageStatus
from streamer.sources.vonage_payload import Reading, read_page
from tests.support.values import NOON

Since = Literal["state", "interaction"]
"""What `since` of an interaction is: when its state began, or the interaction itself."""

Views = Sequence[tuple[Millis, dict[str, Any]]]
"""What the agent looked like from when on, in the vendor's clock."""

Steps = Sequence[tuple[Millis, str]]

steps: st.SearchStrategy[Steps] = st.lists(
    st.tuples(st.integers(1, 3000), st.sampled_from(["ready", "lunch", "ring", "connect", "wrap", "end", "case"])),
    min_size=1,
    max_size=12,
)
"""How long it took until something happened to the agent, and what."""


class Agent(Struct):
    """One agent, moved step by step; times are the vendor's."""

    presence: tuple[str, str, Millis]
    load: tuple[int, int, Millis]
    interactions: dict[str, dict[str, Any]]
    since: Since

    def step(self, at: Millis, what: str) -> None:
        """Let something happen, if it can now."""
        calls = [guid for guid, each in self.interactions.items() if each["medium"] == "Phone"]
        match what:
            case "ready" | "lunch":
                name, description = ("Ready", "Ready") if what == "ready" else ("ExtendedAway", "Lunch")
                if self.presence[1] != description:
                    self.presence = (name, description, at)
            case "ring" if not calls:
                self._begin(f"call-{at}", at, "Phone", "Ringing")
            case "case":
                self._begin(f"case-{at}", at, "Case", "Connected")
            case "connect" | "wrap" if calls:
                self._move(calls[0], at, "Connected" if what == "connect" else "Wrap")
            case "end" if self.interactions:
                del self.interactions[min(self.interactions)]
        medium = [each["medium"] for each in self.interactions.values()]
        counts = medium.count("Phone"), medium.count("Case")
        if counts != self.load[:2]:
            self.load = (*counts, at)

    def item(self) -> dict[str, Any]:
        """Return what the vendor sends."""
        name, description, since = self.presence
        return {
            "agentId": "a",
            "presence": {"since": rfc3339(since), "name": name, "description": description},
            "workload": {"since": rfc3339(self.load[2]), "calls": self.load[0], "semiLive": 0, "nonLive": self.load[1]},
            "interaction": [{**each, "since": rfc3339(each["since"])} for each in self.interactions.values()],
        }

    def _begin(self, guid: str, at: Millis, medium: str, state: str) -> None:
        self.interactions[guid] = {"guid": guid, "since": at, "medium": medium, "state": state}

    def _move(self, guid: str, at: Millis, state: str) -> None:
        order = ("Ringing", "Connected", "Wrap")
        each = self.interactions[guid]
        if order.index(each["state"]) < order.index(state):
            since = at if self.since == "state" else each["since"]
            self.interactions[guid] = {**each, "state": state, "since": since}


def history(moves: Steps, since: Since) -> Views:
    """Return all views of an agent who was ready for a minute at noon."""
    agent = Agent(("Ready", "Ready", NOON - 60_000), (0, 0, NOON - 70_000), {}, since)
    at = NOON
    views = [(NOON - 60_000, agent.item())]
    for wait, what in moves:
        at += wait
        agent.step(at, what)
        if agent.item() != views[-1][1]:
            views.append((at, agent.item()))
    return views


def shown(views: Views, at: Millis, *, ahead: Millis = 0, skew: Skew | None = None, seen: Millis = 0) -> VonageStatus:
    """Return how the source reads the view that was true at `at`, of a vendor whose clock is `ahead` of ours."""
    item = [item for began, item in views if began <= at][-1]
    meta = {"page": 1, "count": 1, "pageCount": 1, "totalCount": 1}
    body = msgspec.json.encode({"meta": meta, "items": [moved(item, ahead)]})
    reading = Reading(skew=Skew(ahead, ahead) if skew is None else skew, seen=seen or at)
    return read_page(body, memo={}, reading=reading, unknown=UnknownFields()).page(Window(0, 0)).items["a"]


def moved(item: dict[str, Any], ahead: Millis) -> dict[str, Any]:
    """Return an item with all its times later by so much."""

    def part(fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "since": rfc3339(parse_rfc3339(fields["since"]) + ahead)}

    return {
        **item,
        "presence": part(item["presence"]),
        "workload": part(item["workload"]),
        "interaction": [part(each) for each in item["interaction"]],
    }
