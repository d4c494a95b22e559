"""Dummy Desk over HTTP: who does what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from streamer.simulator.access import BASIC, basic_user
from streamer.simulator.activity import Activity, State
from streamer.simulator.api import Content, Fields, Question, Refused, only_item
from streamer.simulator.formats import Json
from streamer.simulator.identity import Ids
from streamer.simulator.listing import Listing
from streamer.simulator.settings import SimulatorSettings
from streamer.simulator.world import Transition

FIELDS = Fields(ids=("id",), status=("doing",), name=("name",), numeric=False)
DOING: Mapping[Activity, str] = {
    Activity.NEVER_LOGGED_IN: "out",
    Activity.LOGGED_OUT: "out",
    Activity.LOGGED_IN: "away",
    Activity.ON_BREAK: "away",
    Activity.WORK_OFFLINE: "away",
    Activity.AVAILABLE: "free",
    Activity.WRAP_UP: "writing",
}


def shown(state: State) -> dict[str, Any]:
    """What the answer says of an agent's status."""
    return {"doing": DOING.get(state.activity, "talking")}


class DummyDeskApi:
    """All agents of a tenant, or one by its id."""

    paths: Sequence[str] = ("/desk/agents", "/desk/agents/{agent}")
    unauthorized = Refused(HTTPStatus.UNAUTHORIZED, "Unauthorized", BASIC)

    def __init__(self, settings: SimulatorSettings, *, start: int) -> None:  # noqa: ARG002 - as all APIs
        self._agents: defaultdict[str, Listing[str, bytes]] = defaultdict(Listing)
        self._format = Json()

    def follow(self, ids: Ids, change: Transition) -> None:
        """Write down the agent once per change."""
        agent = str(ids.google)
        item = None
        if change.state is not None:
            item = msgspec.json.encode({"id": agent, "name": change.agent.name, **shown(change.state)})
        self._agents[change.agent.tenant].put(agent, item, at=change.at)

    def caller(self, request: web.Request, now: int) -> str | None:  # noqa: ARG002 - these credentials do not end
        """The user is the tenant."""
        return basic_user(request)

    async def content(self, question: Question) -> Content:
        """Return a bare list, or the bare agent; 404 for one who is not listed."""
        listed = self._agents[question.tenant].at(question.at)
        agent = question.request.match_info.get("agent")
        if agent is not None and agent not in listed:
            raise Refused(HTTPStatus.NOT_FOUND, "Agent not found")
        return Content(
            items=list(listed.values()) if agent is None else [listed[agent]],
            envelope=only_item if agent is not None else (lambda items: b"[" + b",".join(items) + b"]"),
            format=self._format,
            fields=FIELDS,
            single=agent is not None,
        )
