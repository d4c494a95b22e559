"""Google CCAI Platform, "Get agent statuses" over HTTP: a GET whose JSON body says which agents and teams.

Where the document is silent: without a body, or with no id at all in it, all agents are meant; ids that nobody has
are left out of the answer; an agent who is asked for twice is answered once; the answer is in the order of ids.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from http import HTTPStatus

import msgspec
from aiohttp import web

from streamer.simulator.access import BASIC, basic_user
from streamer.simulator.api import Content, Fields, Question, Refused
from streamer.simulator.formats import Json
from streamer.simulator.google import render
from streamer.simulator.identity import Ids
from streamer.simulator.listing import Listing
from streamer.simulator.settings import SimulatorSettings
from streamer.simulator.world import Transition

FIELDS = Fields(ids=("agent_id",), status=("status",), name=("name",), numeric=False)


class Wanted(msgspec.Struct, frozen=True):
    """The body of the request."""

    agent_ids: tuple[int, ...] = ()
    team_ids: tuple[int, ...] = ()


class GoogleApi:
    """The agents with these ids, and all agents of these teams."""

    paths: Sequence[str] = ("/apps/api/v1/agent_statuses",)
    unauthorized = Refused(HTTPStatus.UNAUTHORIZED, "Unauthorized", BASIC)

    def __init__(self, settings: SimulatorSettings, *, start: int) -> None:  # noqa: ARG002 - as all APIs
        self._agents: defaultdict[str, Listing[int, tuple[int, bytes]]] = defaultdict(Listing)
        self._format = Json()

    def follow(self, ids: Ids, change: Transition) -> None:
        """Write down the agent once per change, beside the team."""
        item = None if change.state is None else (ids.team, render(ids, change.agent.name, change.state))
        self._agents[change.agent.tenant].put(ids.google, item, at=change.at)

    def caller(self, request: web.Request, now: int) -> str | None:  # noqa: ARG002 - these credentials do not end
        """The user is the tenant."""
        return basic_user(request)

    async def content(self, question: Question) -> Content:
        """Return a bare list; 400 with a message for a body that is none, as the document answers bad ones."""
        wanted = await _wanted(question.request)
        everybody = not (wanted.agent_ids or wanted.team_ids)
        return Content(
            items=[
                item
                for agent, (team, item) in self._agents[question.tenant].at(question.at).items()
                if everybody or agent in wanted.agent_ids or team in wanted.team_ids
            ],
            envelope=lambda items: b"[" + b",".join(items) + b"]",
            format=self._format,
            fields=FIELDS,
        )


async def _wanted(request: web.Request) -> Wanted:
    body = await request.read()
    if not body:
        return Wanted()
    if request.content_type != "application/json":
        raise Refused(HTTPStatus.BAD_REQUEST, "Content-Type must be application/json")
    try:
        return msgspec.json.decode(body, type=Wanted)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"the body is no JSON of agent_ids and team_ids: {error}") from error
