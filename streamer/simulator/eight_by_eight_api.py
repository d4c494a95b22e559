"""8x8, agent status over HTTP: both GET requests of "CC Managing Agent Status".

A tenant in the path that is not the user is unauthorized, as an unknown one is; the document does not say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from http import HTTPStatus

from aiohttp import web

from streamer.simulator.access import BASIC, basic_user
from streamer.simulator.api import Content, Fields, Question, Refused, only_item
from streamer.simulator.eight_by_eight import render
from streamer.simulator.formats import Json
from streamer.simulator.identity import Ids
from streamer.simulator.listing import Listing
from streamer.simulator.settings import SimulatorSettings
from streamer.simulator.world import Transition

AGENTS = "/api/v1/tenants/{tenant}/agentstatus/agents"
FIELDS = Fields(ids=("agent-id",), status=("agent-status",), name=("name",))


class AgentStatusApi:
    """All agents of a tenant, or one by its id."""

    paths: Sequence[str] = (AGENTS, AGENTS + "/{agent}")
    unauthorized = Refused(HTTPStatus.UNAUTHORIZED, "Unauthorized", BASIC)

    def __init__(self, settings: SimulatorSettings, *, start: int) -> None:  # noqa: ARG002 - as all APIs
        self._agents: defaultdict[str, Listing[str, bytes]] = defaultdict(Listing)
        self._format = Json()

    def follow(self, ids: Ids, change: Transition) -> None:
        """Write down the agent once per change."""
        item = None if change.state is None else render(ids.agent, change.agent.name, change.state)
        self._agents[change.agent.tenant].put(ids.agent, item, at=change.at)

    def caller(self, request: web.Request, now: int) -> str | None:  # noqa: ARG002 - these credentials do not end
        """The tenant of the path, if the user is that tenant."""
        user = basic_user(request)
        return user if user == request.match_info["tenant"] else None

    async def content(self, question: Question) -> Content:
        """`{"data": [...]}`, or the bare agent; 404 for one who is not listed."""
        listed = self._agents[question.tenant].at(question.at)
        agent = question.request.match_info.get("agent")
        if agent is not None and agent not in listed:
            raise Refused(HTTPStatus.NOT_FOUND, "Agent not found")
        return Content(
            items=list(listed.values()) if agent is None else [listed[agent]],
            envelope=_data if agent is None else only_item,
            format=self._format,
            fields=FIELDS,
            single=agent is not None,
            tagged=agent is None,
        )


def _data(items: Sequence[bytes]) -> bytes:
    return b'{"data":[' + b",".join(items) + b"]}"
