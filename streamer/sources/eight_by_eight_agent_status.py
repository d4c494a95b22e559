"""8x8, agent status: all agents of a tenant in one answer (vendor document "CC Managing Agent Status").

    GET {base_url}/api/v1/tenants/{vendor_tenant}/agentstatus/agents            {"data": [agent, ...]}
    GET {base_url}/api/v1/tenants/{vendor_tenant}/agentstatus/agents/{agentId}  agent

The answer has no times: when a status was entered is known by the bounds of the polls alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct
from yarl import URL

from streamer.clock import Clock
from streamer.config import AgentStatus8x8
from streamer.diff.transition import plain_transition
from streamer.model import AgentStatus, Interval, Meaning, Millis, Snapshot, Transition, Window
from streamer.sources import payload
from streamer.sources.authorization import basic
from streamer.sources.conditional import LastRead
from streamer.sources.documented import Documented, UnknownFields
from streamer.sources.eight_by_eight import (
    ITEM,
    LIST,
    SHORT_CODE,
    SUB_STATUS,
    Status,
    Vocabulary8x8,
    path_segment,
    significant,
    status_key_fault,
)
from streamer.sources.errors import ADVICE
from streamer.sources.http import Answer, Http, Refusal, Request
from streamer.sources.validators import NONE, Validators

STATUSES: Final[Mapping[int, Status]] = MappingProxyType(
    {
        0: Status("UNKNOWN", "unknown", "never_logged_in"),
        1: Status("LOGGED_OUT", "logged_out"),
        2: Status("LOGGED_IN", "not_ready", "logged_in"),
        3: Status("ON_BREAK", "not_ready", "break"),
        4: Status("WAIT_TRANSACT", "ready"),
        5: Status("WORK_OFFLINE", "not_ready", "work_offline"),
        6: Status("TRANSACT_OFFERED", "busy", "reserved"),
        7: Status("PROCESS_TRANSACT", "busy"),
        8: Status("POST_PROCESS", "working_after_call"),
        9: Status("BUSY", "busy"),
        10: Status("DIRECT_CALL", "busy", "direct_call"),
        11: Status("ON_EMAIL", "busy", "email"),
    }
)
"""The vendor's statuses by `agent-status`. A tenant's `status_map` refines them."""

REFUSALS: Final[Mapping[int, Refusal]] = MappingProxyType(
    {403: Refusal("not_enabled", 'ask 8x8 support to enable the "Agent Status API" for the tenant in OPSCON')}
)
REFUSALS_OF_AGENT: Final[Mapping[int, Refusal]] = MappingProxyType(
    {
        **REFUSALS,
        404: Refusal("not_found", f"check the agent's id (its Internal Id in 8x8); else {ADVICE['not_found']}"),
    }
)


class Agent(Struct, frozen=True, rename="kebab"):
    """One agent as the vendor sends it. Numbers may come as text; further fields are told and ignored."""

    agent_id: str
    agent_status: int | str
    name: str | None = None
    status_code_list_id: int | str | None = None
    status_code_item_id: int | str | None = None
    status_code_item_short_code: str | None = None
    agent_sub_status: str | None = None


class Agents(Struct, frozen=True):
    """The answer for all agents, its items not looked into yet."""

    data: list[msgspec.Raw]


_AGENT = Documented(Agent)
_AGENTS = Documented(Agents)


class EightByEightAgentStatus:
    """The source of one tenant."""

    name: Final = "8x8-agent-status"
    assumed_age_ms: Final[Millis] = 0  # the vendor's document speaks of no cache in front of this API
    queues: Final = None

    def __init__(self, *, config: AgentStatus8x8, http: Http, clock: Clock) -> None:
        """Take the tenant's config and what all sources share."""
        self._config = config
        self._http = http
        self._clock = clock
        self._agents = URL(config.base_url).joinpath(
            "api", "v1", "tenants", quote(config.vendor_tenant, safe=""), "agentstatus", "agents", encoded=True
        )
        self._vocabulary = Vocabulary8x8(statuses=STATUSES, status_map=config.status_map)
        self._memo: payload.Memo = {}
        self._last: LastRead[tuple[Mapping[str, AgentStatus], payload.Memo]] = LastRead()

    async def snapshot(self) -> Snapshot:
        """Ask for all agents. Items that are byte for byte as in the last snapshot give the identical objects.

        Where the vendor offers validators it is asked only for what changed: "not modified" gives the identical agents.

        Raises:
            PollError: anything but a complete snapshot.

        """
        answer = await self._get(self._agents, REFUSALS, self._last.condition())
        unknown = UnknownFields()
        read = partial(read_agents, memo=self._memo, names=self._config.agent_names, unknown=unknown)
        agents, self._memo = await self._last.take(answer, read)
        window = Window(start=answer.window.start - self.assumed_age_ms, end=answer.window.end)
        return Snapshot(tenant=self._config.id, window=window, agents=agents, unknown_fields=unknown.paths)

    async def agent(self, agent_id: str) -> AgentStatus:
        """Ask for one agent.

        Raises:
            PollError: anything but that agent's status; `not_found` if the vendor does not know it.

        """
        answer = await self._get(self._agents.joinpath(path_segment(agent_id), encoded=True), REFUSALS_OF_AGENT)
        agent = _AGENT.read(payload.json_text(answer.body), UnknownFields())
        if agent.agent_id != agent_id:
            raise payload.invalid("$.agent-id", "is the id of another agent than was asked for")
        return status_of(agent, path="$", names=self._config.agent_names)

    def transition(self, before: Mapping[str, Any], since: Interval | None, status: AgentStatus) -> Transition:
        """Compare the values of `SIGNIFICANT`."""
        return plain_transition(significant(before), since, status)

    def interpret(self, vendor: Mapping[str, Any]) -> Meaning:
        """Look the status up in the tenant's `status_map`, most specific key first, then in `STATUSES`."""
        return self._vocabulary.interpret(vendor)

    @staticmethod
    def status_key_fault(key: str) -> str | None:
        """Refuse keys that are not `5`, `5/801` or `5/801/1726`: status, code list, item."""
        return status_key_fault(key)

    async def _get(self, url: URL, refusals: Mapping[int, Refusal], validators: Validators = NONE) -> Answer:
        config = self._config
        request = Request(
            url=url,
            headers=basic(config.username, config.password),
            max_body=config.max_body,
            refusals=refusals,
            validators=validators,
        )
        return await self._http.fetch(request, deadline=self._clock.monotonic() + config.timeout / 1000)


def read_agents(
    body: bytes, *, memo: payload.Memo, names: bool, unknown: UnknownFields
) -> tuple[Mapping[str, AgentStatus], payload.Memo]:
    """Read the answer for all agents; return them by id, and the memo for the next answer.

    Raises:
        PollError: invalid_body with the path of what is wrong, or incomplete for an agent that is listed twice.

    """

    def read(item: bytes, path: str) -> AgentStatus:
        return status_of(_AGENT.read(item, unknown, path=path), path=path, names=names)

    listed = _AGENTS.read(payload.json_text(body), unknown).data
    return payload.agents_of(listed, path="$.data", memo=memo, read=read)


def status_of(agent: Agent, *, path: str, names: bool) -> AgentStatus:
    """Make the status of an agent whose item stands at `path`; `names` says whether the tenant wants names.

    Raises:
        PollError: invalid_body.

    """
    code = payload.whole_number(agent.agent_status, f"{path}.agent-status")
    vendor: dict[str, int | str | None] = {"code": code, "label": STATUSES[code].label if code in STATUSES else None}
    numbers = {LIST: agent.status_code_list_id, ITEM: agent.status_code_item_id}
    vendor |= {key: payload.whole_number(each, f"{path}.{key}") for key, each in numbers.items() if each is not None}
    texts = {SHORT_CODE: agent.status_code_item_short_code, SUB_STATUS: agent.agent_sub_status}
    vendor |= {key: each for key, each in texts.items() if each is not None}
    return AgentStatus(
        agent=payload.agent_id(agent.agent_id, f"{path}.agent-id"),
        name=payload.agent_name(agent.name, wanted=names),
        vendor=vendor,
        significant=significant(vendor),
    )
