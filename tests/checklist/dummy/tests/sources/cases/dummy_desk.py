"""Dummy Desk, a vendor that nobody has."""

from __future__ import annotations

from streamer.config import EnvSecret, TenantConfig
from streamer.config.vendors.dummy_desk import DummyDesk
from streamer.sources.documented import UnknownFields
from streamer.sources.dummy_desk import read_agents
from tests.sources.contract import SECRET_VARIABLE, SourceCase
from tests.sources.parser import Parser
from tests.sources.second_reader import json_items
from tests.sources.situations import MAX_BODY
from tests.sources.vendor import fixture


def dummy_desk(base_url: str, **settings: object) -> TenantConfig:
    """Make the config of a tenant at Dummy Desk."""
    given = {"id": "acme", "username": "acme", "password": EnvSecret(SECRET_VARIABLE), "max_body": MAX_BODY}
    return DummyDesk(base_url=base_url, **{**given, **settings})  # type: ignore[arg-type]


CASES = (
    SourceCase(
        name="dummy-desk",
        config=dummy_desk,
        path="/desk/agents",
        good=fixture("dummy-desk", "vendor-example"),
        agents=frozenset({"a1", "a2"}),
        agent="a1",
        agent_path="/desk/agents/a1",
        good_agent=fixture("dummy-desk", "vendor-example-of-one-agent"),
        credentials="Basic YWNtZTp0MGtlbi1uZXZlci10by1iZS10b2xk",
        status_field="doing",
        strange_path="/desk/agents/..%2F..%2Fa%2Fb%3Fc%23d%252e%20%C3%BC%3F",
    ),
)

PARSERS = (
    Parser(
        name="dummy-desk",
        config=dummy_desk,
        read=lambda body, memo: read_agents(body, memo=memo, names=True, unknown=UnknownFields()),
        keys=("id", "doing", "name", "new"),
        items=json_items,
        agent_id=lambda item: str(item["id"]),
        aside=frozenset({"name", "new"}),
    ),
)
