"""Google CCAI Platform, "Get agent statuses" of the Apps API: the chosen agents and teams in one answer.

    GET {base_url}/apps/api/v1/agent_statuses    {"agent_ids": [11], "team_ids": [1]}  ->  [agent, ...]

The question is the request's body; the document's table asks for a `status` in it too, which its example does not hold
and which can mean nothing here. The answer has no times: when a status was entered is known by the polls' bounds alone.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import Struct
from yarl import URL

from streamer.clock import Clock
from streamer.config import GoogleCcaip, plain_words
from streamer.diff.transition import plain_transition
from streamer.model import AgentStatus, Interval, Meaning, Millis, Snapshot, Transition, Window
from streamer.sources import payload
from streamer.sources.authorization import basic
from streamer.sources.documented import Documented, UnknownFields
from streamer.sources.errors import PollError
from streamer.sources.http import Answer, Http, Refusal, Request
from streamer.sources.unmapped import unknown

STATUSES: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "Available": Meaning("ready"),
        "In-call": Meaning("busy"),
        "In-chat": Meaning("busy", "chat"),
        "Wrap-up": Meaning("working_after_call"),
        "Offline": Meaning("logged_out"),
        "Unavailable": Meaning("not_ready"),
        "Break": Meaning("not_ready", "break"),
        "Meal": Meaning("not_ready", "meal"),
        "Missed Call": Meaning("not_ready", "missed_call"),
        "Missed Chat": Meaning("not_ready", "missed_chat"),
        "Special Task": Meaning("not_ready", "special_task"),
        "Unresponsive": Meaning("not_ready", "unresponsive"),
    }
)
"""The system's own statuses, after the API's document and the vendor's pages "Agent status" and "Reason codes and
statuses". All others are a customer's own: a tenant's `status_map` says what they mean, and may overrule these."""

AGENT_NUMBER: Final = "agent_number"
EMAIL: Final = "email"
ADDRESSES: Final = "ip_addrs"

_HERE: Final = "check base_url (https://SUBDOMAIN.DOMAIN, all before /apps/api/v1)"
_WHO: Final = "check the agent's id, a number such as 11"

REFUSALS: Final[Mapping[int, Refusal]] = MappingProxyType(
    {
        400: Refusal("bad_request", "check that the vendor knows all of agent_ids and team_ids"),
        401: Refusal("auth_failed", "check username (the subdomain) and password (the token of the API credentials)"),
        404: Refusal("not_found", _HERE),
    }
)
REFUSALS_OF_AGENT: Final[Mapping[int, Refusal]] = MappingProxyType(
    {**REFUSALS, 400: Refusal("bad_request", _WHO), 404: Refusal("not_found", f"{_WHO}; else {_HERE}")}
)

_AGENT_ID = re.compile(r"[1-9][0-9]{0,18}")


class Agent(Struct, frozen=True):
    """One agent as the vendor sends it. Numbers may come as text; further fields are told and ignored."""

    agent_id: int | str
    status: str
    name: str | None = None
    agent_number: int | str | None = None
    email: str | None = None
    ip_addrs: list[str] | None = None


class Personal(Struct, frozen=True):
    """Which of an agent's personal data the tenant wants published."""

    names: bool = True
    emails: bool = False
    addresses: bool = False


_AGENT = Documented(Agent)
_AGENTS = msgspec.json.Decoder(list[msgspec.Raw])


class GoogleCcaipAgentStatuses:
    """The source of one tenant."""

    name: Final = "google-ccaip"
    assumed_age_ms: Final[Millis] = 0  # the vendor's document speaks of no cache in front of this API
    queues: Final = None

    def __init__(self, *, config: GoogleCcaip, http: Http, clock: Clock) -> None:
        """Take the tenant's config and what all sources share."""
        self._config = config
        self._http = http
        self._clock = clock
        self._url = URL(config.base_url).joinpath("apps", "api", "v1", "agent_statuses")
        wanted = {"agent_ids": config.agent_ids, "team_ids": config.team_ids}
        self._wanted = {key: ids for key, ids in wanted.items() if ids}
        personal = Personal(names=config.agent_names, emails=config.agent_emails, addresses=config.agent_addresses)
        self._read = partial(read_agents, personal=personal)
        own = {status: Meaning(target.state, target.detail) for status, target in config.status_map.items()}
        self._meanings = {plain_words(status): meaning for status, meaning in {**STATUSES, **own}.items()}
        self._memo: payload.Memo = {}

    async def snapshot(self) -> Snapshot:
        """Ask for the tenant's agents. Items that are byte for byte as in the last snapshot give the identical objects.

        Raises:
            PollError: anything but a complete snapshot.

        """
        answer = await self._ask(self._wanted, REFUSALS)
        unknown = UnknownFields()
        read = partial(self._read, memo=self._memo, unknown=unknown)
        agents, self._memo = await payload.off_loop(answer.body, read)
        window = Window(start=answer.window.start - self.assumed_age_ms, end=answer.window.end)
        return Snapshot(tenant=self._config.id, window=window, agents=agents, unknown_fields=unknown.paths)

    async def agent(self, agent_id: str) -> AgentStatus:
        """Ask for one agent, whether or not the tenant's ids choose it.

        Raises:
            PollError: anything but that agent's status; `not_found` if the vendor does not know it.

        """
        if _AGENT_ID.fullmatch(agent_id) is None:
            raise PollError("not_found", f"{agent_id!r} is no agent's id", advice=_WHO)
        answer = await self._ask({"agent_ids": [int(agent_id)]}, REFUSALS_OF_AGENT)
        agents, _ = self._read(answer.body, memo={}, unknown=UnknownFields())
        if not agents:
            raise PollError("not_found", f"agent {agent_id} is not in the answer", advice=_WHO)
        if set(agents) != {agent_id}:
            raise payload.invalid("$", "holds another agent than was asked for")
        return agents[agent_id]

    def transition(self, before: Mapping[str, Any], since: Interval | None, status: AgentStatus) -> Transition:
        """Compare the texts of the status."""
        return plain_transition(significant(before), since, status)

    def interpret(self, vendor: Mapping[str, Any]) -> Meaning:
        """Look the status up in the tenant's `status_map`, then in `STATUSES`, heeding words only."""
        code = vendor.get("code")
        meaning = self._meanings.get(plain_words(code)) if isinstance(code, str) else None
        return meaning or unknown("status", code, fault=self.status_key_fault)

    @staticmethod
    def status_key_fault(key: str) -> str | None:
        """Refuse keys without a word in them."""
        return None if plain_words(key) else f"{key!r} is no status — write it as the vendor shows it, such as lunch"

    async def _ask(self, wanted: Mapping[str, Sequence[int]], refusals: Mapping[int, Refusal]) -> Answer:
        config = self._config
        request = Request(
            url=self._url,
            headers={**basic(config.username, config.password), "Content-Type": "application/json"},
            content=msgspec.json.encode(wanted),
            max_body=config.max_body,
            refusals=refusals,
        )
        return await self._http.fetch(request, deadline=self._clock.monotonic() + config.timeout / 1000)


def read_agents(
    body: bytes, *, memo: payload.Memo, personal: Personal, unknown: UnknownFields
) -> tuple[Mapping[str, AgentStatus], payload.Memo]:
    """Read an answer; return the agents by id, and the memo for the next answer.

    Raises:
        PollError: invalid_body with the path of what is wrong, or incomplete for an agent that is listed twice.

    """

    def read(item: bytes, path: str) -> AgentStatus:
        return status_of(_AGENT.read(item, unknown, path=path), path=path, personal=personal)

    items: list[msgspec.Raw] = payload.decode(_AGENTS, payload.json_text(body))
    return payload.agents_of(items, path="$", memo=memo, read=read)


def status_of(agent: Agent, *, path: str, personal: Personal) -> AgentStatus:
    """Make the status of an agent whose item stands at `path`, with the personal data that the tenant wants.

    Raises:
        PollError: invalid_body.

    """
    if not agent.status.strip():
        raise payload.invalid(f"{path}.status", "the status is blank")
    number = agent.agent_number
    if isinstance(number, int):
        number = str(payload.whole_number(number, f"{path}.{AGENT_NUMBER}"))
    told = {
        AGENT_NUMBER: number,
        EMAIL: agent.email if personal.emails else None,
        ADDRESSES: agent.ip_addrs if personal.addresses else None,
    }
    vendor: dict[str, Any] = {"code": agent.status, "label": agent.status}
    vendor |= {field: each for field, each in told.items() if each is not None}
    return AgentStatus(
        agent=str(payload.whole_number(agent.agent_id, f"{path}.agent_id")),
        name=payload.agent_name(agent.name, wanted=personal.names),
        vendor=vendor,
        significant=significant(vendor),
    )


def significant(vendor: Mapping[str, Any]) -> Hashable:
    """Return the published value that decides whether a status changed: its text, as sent."""
    return vendor.get("code")
