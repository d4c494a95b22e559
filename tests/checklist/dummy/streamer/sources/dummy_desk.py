"""Dummy Desk, a vendor that nobody has: all agents of a tenant in one answer.

GET {base_url}/desk/agents            [agent, ...]
GET {base_url}/desk/agents/{agentId}  agent
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import Struct
from yarl import URL

from streamer.clock import Clock
from streamer.config.vendors.dummy_desk import DummyDesk
from streamer.diff.transition import plain_transition
from streamer.model import AgentStatus, Interval, Meaning, Millis, Snapshot, Transition, Window
from streamer.sources import payload
from streamer.sources.authorization import basic
from streamer.sources.documented import Documented, UnknownFields
from streamer.sources.eight_by_eight import path_segment
from streamer.sources.errors import ADVICE
from streamer.sources.http import Answer, Http, Refusal, Request
from streamer.sources.unmapped import unknown

STATUSES: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "out": Meaning("logged_out"),
        "away": Meaning("not_ready"),
        "free": Meaning("ready"),
        "talking": Meaning("busy"),
        "writing": Meaning("working_after_call"),
    }
)

REFUSALS: Final[Mapping[int, Refusal]] = MappingProxyType({403: Refusal("not_enabled", ADVICE["not_enabled"])})
REFUSALS_OF_AGENT: Final[Mapping[int, Refusal]] = MappingProxyType(
    {**REFUSALS, 404: Refusal("not_found", f"check the agent's id; else {ADVICE['not_found']}")}
)


class Agent(Struct, frozen=True):
    """One agent as the vendor sends it."""

    id: str
    doing: str
    name: str | None = None


_AGENT = Documented(Agent)
_AGENTS = msgspec.json.Decoder(list[msgspec.Raw])


class DummyDeskAgents:
    """The source of one tenant."""

    name: Final = "dummy-desk"
    assumed_age_ms: Final[Millis] = 0
    queues: Final = None

    def __init__(self, *, config: DummyDesk, http: Http, clock: Clock) -> None:
        """Take the tenant's config and what all sources share."""
        self._config = config
        self._http = http
        self._clock = clock
        self._agents = URL(config.base_url).joinpath("desk", "agents")
        self._memo: payload.Memo = {}

    async def snapshot(self) -> Snapshot:
        """Ask for all agents."""
        answer = await self._get(self._agents, REFUSALS)
        unknown = UnknownFields()
        read = partial(read_agents, memo=self._memo, names=self._config.agent_names, unknown=unknown)
        agents, self._memo = await payload.off_loop(answer.body, read)
        window = Window(answer.window.start, answer.window.end)
        return Snapshot(tenant=self._config.id, window=window, agents=agents, unknown_fields=unknown.paths)

    async def agent(self, agent_id: str) -> AgentStatus:
        """Ask for one agent."""
        answer = await self._get(self._agents.joinpath(path_segment(agent_id), encoded=True), REFUSALS_OF_AGENT)
        agent = _AGENT.read(payload.json_text(answer.body), UnknownFields())
        if agent.id != agent_id:
            raise payload.invalid("$.id", "is the id of another agent than was asked for")
        return status_of(agent, path="$", names=self._config.agent_names)

    def transition(self, before: Mapping[str, Any], since: Interval | None, status: AgentStatus) -> Transition:
        """Compare what agents do."""
        return plain_transition(before.get("code"), since, status)

    def interpret(self, vendor: Mapping[str, Any]) -> Meaning:
        """Look the status up in the tenant's `status_map`, then in `STATUSES`."""
        code = f"{vendor.get('code')}"
        if (target := self._config.status_map.get(code)) is not None:
            return Meaning(target.state, target.detail)
        return STATUSES.get(code) or unknown("doing", code, fault=self.status_key_fault)

    @staticmethod
    def status_key_fault(key: str) -> str | None:
        """Refuse blank keys."""
        return None if key.strip() else f"{key!r} is no status - write it as the vendor does, such as free"

    async def _get(self, url: URL, refusals: Mapping[int, Refusal]) -> Answer:
        config = self._config
        headers = basic(config.username, config.password)
        request = Request(url=url, headers=headers, max_body=config.max_body, refusals=refusals)
        return await self._http.fetch(request, deadline=self._clock.monotonic() + config.timeout / 1000)


def read_agents(
    body: bytes, *, memo: payload.Memo, names: bool, unknown: UnknownFields
) -> tuple[Mapping[str, AgentStatus], payload.Memo]:
    """Read the answer for all agents."""

    def read(item: bytes, path: str) -> AgentStatus:
        return status_of(_AGENT.read(item, unknown, path=path), path=path, names=names)

    return payload.agents_of(payload.decode(_AGENTS, payload.json_text(body)), path="$", memo=memo, read=read)


def status_of(agent: Agent, *, path: str, names: bool) -> AgentStatus:
    """Make the status of an agent whose item stands at `path`."""
    return AgentStatus(
        agent=payload.agent_id(agent.id, f"{path}.id"),
        name=payload.agent_name(agent.name, wanted=names),
        vendor={"code": agent.doing, "label": agent.doing},
        significant=agent.doing,
    )
