"""8x8's APIs: agent status, and real-time statistics in JSON and in XML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from streamer.config import AgentStatus8x8, EnvSecret, RealTimeStats8x8, TenantConfig
from streamer.model import AgentStatus, Window
from streamer.sources import eight_by_eight_agent_status
from streamer.sources import eight_by_eight_realtime_payload as realtime_payload
from streamer.sources.documented import UnknownFields
from streamer.sources.eight_by_eight_realtime_payload import Format
from tests.sources.contract import SECRET_VARIABLE, SourceCase
from tests.sources.parser import Memo, Parser
from tests.sources.second_reader import Item, json_items, xml_items
from tests.sources.situations import MAX_BODY
from tests.sources.vendor import fixture


def agent_status_8x8(base_url: str, **settings: object) -> TenantConfig:
    """Make the config of a tenant of the 8x8 agent-status API."""
    given = {"id": "acme", "username": "acmecorp01", "password": EnvSecret(SECRET_VARIABLE), "max_body": MAX_BODY}
    return AgentStatus8x8(base_url=base_url, **{**given, **settings})  # type: ignore[arg-type]


def realtime_stats_8x8(base_url: str, **settings: object) -> TenantConfig:
    """Make the config of a tenant of 8x8's real-time statistics."""
    given = {"id": "acme", "username": "acme", "password": EnvSecret(SECRET_VARIABLE), "max_body": MAX_BODY}
    return RealTimeStats8x8(base_url=base_url, **{**given, **settings})  # type: ignore[arg-type]


def realtime_stats_case(form: str) -> SourceCase:
    """Make the case of 8x8's real-time statistics in JSON or in XML."""
    guid = "detestacct801-ag3276621-cb1f16ae-d5a8-4658-a467-e1d9c3b8467f"
    root = "/api/rtstats/stats"
    return SourceCase(
        name="8x8-realtime-stats",
        variant=form,
        config=partial(realtime_stats_8x8, format=form),
        path=f"{root}/agents.{form}",
        good=fixture("8x8-realtime-stats", "three-agents", form),
        agents=frozenset({guid, "acme-jdoe-0f1e", "padma"}),
        agent="ag3276621",
        agent_path=f"{root}/agent/ag3276621.{form}",
        good_agent=fixture("8x8-realtime-stats", "vendor-example", form),
        shown_as=guid,
        credentials="Basic YWNtZTp0MGtlbi1uZXZlci10by1iZS10b2xk",
        strange_path=f"{root}/agent/..%2F..%2Fa%2Fb%3Fc%23d%252e%20%C3%BC%3F.{form}",
        status_field="agent-status",
        outcomes={"API not enabled": "auth_failed"},
    )


CASES = (
    SourceCase(
        name="8x8-agent-status",
        config=agent_status_8x8,
        path="/api/v1/tenants/acmecorp01/agentstatus/agents",
        good=fixture("8x8-agent-status", "vendor-example"),
        agents=frozenset(
            {
                "ag0VYyLh0YTsymdbtYIaaaa",
                "ag0XgxWZr7TzqWFhxboBGj1g",
                "ag1LmqEeEYRoOti9KjIi_Dng",
                "ag64oyEUb_Sk6bxVB9P5ye5w",
            }
        ),
        agent="ag64oyEUb_Sk6bxVB9P5yaaa",
        agent_path="/api/v1/tenants/acmecorp01/agentstatus/agents/ag64oyEUb_Sk6bxVB9P5yaaa",
        good_agent=fixture("8x8-agent-status", "vendor-example-of-one-agent"),
        credentials="Basic YWNtZWNvcnAwMTp0MGtlbi1uZXZlci10by1iZS10b2xk",
        status_field="agent-status",
        strange_path="/api/v1/tenants/acmecorp01/agentstatus/agents/..%2F..%2Fa%2Fb%3Fc%23d%252e%20%C3%BC%3F",
    ),
    *map(realtime_stats_case, ("json", "xml")),
)


def realtime_stats(form: Format) -> Parser:
    """Return the parser of 8x8's real-time statistics for one form."""
    window = Window(start=1_800_000_000_000, end=1_800_000_010_050)

    def read(body: bytes, memo: Memo) -> tuple[Mapping[str, AgentStatus], Memo]:
        listed = realtime_payload.read_agents(body, form=form, names=True, unknown=UnknownFields())
        return realtime_payload.statuses_of(listed, window=window), memo

    keys = ("agents", "data", "agent-guid", "agent-id", "agent-status", "agent-name", "time-in-status", "new")
    return Parser(
        name="8x8-realtime-stats",
        config=realtime_stats_8x8,
        situation="three-agents",
        form=form,
        read=read,
        keys=keys,
        items=partial(xml_items, tag="agent") if form == "xml" else statistics_in_json,
        agent_id=guid_or_login,
        aside=frozenset({"agent-name", "new"}),
        remembers=False,
    )


def statistics_in_json(body: bytes) -> Sequence[Item]:
    """Return the items of real-time statistics; the document shows no JSON, so that several forms are accepted."""
    return json_items(body, "agents", "agent", "data", alone="agent-status")


def guid_or_login(item: Item) -> str:
    """Return the id of an agent of real-time statistics."""
    told = (str(item[key]).strip() for key in ("agent-guid", "agent-id") if item.get(key) is not None)
    return next(filter(None, told))


PARSERS = (
    Parser(
        name="8x8-agent-status",
        config=agent_status_8x8,
        items=lambda body: json_items(body, "data"),
        agent_id=lambda item: str(item["agent-id"]),
        aside=frozenset({"name", "new"}),
        read=lambda body, memo: eight_by_eight_agent_status.read_agents(
            body, memo=memo, names=True, unknown=UnknownFields()
        ),
        keys=("data", "agent-id", "agent-status", "name", "status-code-list-id", "agent-sub-status", "new"),
    ),
    realtime_stats("json"),
    realtime_stats("xml"),
)
