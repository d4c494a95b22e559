"""Vonage Contact Center."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from streamer.config import EnvSecret, TenantConfig, Vonage
from streamer.model import AgentStatus, Window
from streamer.sources import vonage_payload
from streamer.sources.documented import UnknownFields
from streamer.sources.skew import Skew
from tests.sources.contract import SECRET, SECRET_VARIABLE, SourceCase
from tests.sources.parser import Memo, Parser
from tests.sources.second_reader import json_items
from tests.sources.situations import MAX_BODY
from tests.sources.vendor import fixture

FRESH = fixture("vonage-agent-status", "vendor-example").replace(b"2019-12-23T", b"2099-12-23T")
"""Vonage's example, whose data is no older than the answer."""


def vonage(base_url: str, **settings: object) -> TenantConfig:
    """Make the config of an account at Vonage Contact Center; its secret is the token."""
    given = {"id": "acme", "token": settings.pop("password", EnvSecret(SECRET_VARIABLE)), "max_body": MAX_BODY}
    return Vonage(base_url=base_url, **{**given, **settings})  # type: ignore[arg-type]


CASES = (
    SourceCase(
        name="vonage-agent-status",
        config=vonage,
        path="/stats/agent-status?page=1",
        good=FRESH,
        agents=frozenset({"002", "003"}),
        agent="003",
        agent_path="/stats/agent-status?page=1",
        good_agent=FRESH,
        credentials=f"bearer {SECRET}",
        strange_path="/stats/agent-status?page=1",
        status_field="presence.name",
        outcomes={"another agent": "not_found"},
    ),
)


def vonage_page(body: bytes, memo: Memo) -> tuple[Mapping[str, AgentStatus], Memo]:
    """Read a page of Vonage's; the memo holds what it read before."""
    sheet = vonage_payload.read_page(
        body,
        memo=cast("vonage_payload.Memo", memo),
        reading=vonage_payload.Reading(skew=Skew(-500, 500), seen=1_800_000_000_000),
        unknown=UnknownFields(),
    )
    return sheet.page(Window(0, 0)).items, sheet.memo


PARSERS = (
    Parser(
        name="vonage-agent-status",
        config=vonage,
        items=lambda body: json_items(body, "items"),
        agent_id=lambda item: str(item["agentId"]),
        aside=frozenset({"new"}),
        read=vonage_page,
        keys=(
            "meta",
            "items",
            "agentId",
            "presence",
            "workload",
            "interaction",
            "since",
            "guid",
            "state",
            "upTo",
            "new",
        ),
    ),
)
