"""Google CCAI Platform."""

from __future__ import annotations

from streamer.config import EnvSecret, GoogleCcaip, TenantConfig
from streamer.sources import google_ccaip as source
from streamer.sources.documented import UnknownFields
from tests.sources.contract import SECRET_VARIABLE, SourceCase
from tests.sources.parser import Parser
from tests.sources.second_reader import json_items
from tests.sources.situations import MAX_BODY
from tests.sources.vendor import fixture

EVERYTHING = source.Personal(names=True, emails=True, addresses=True)


def google_ccaip(base_url: str, **settings: object) -> TenantConfig:
    """Make the config of a tenant of Google's CCAI Platform."""
    chosen = {"agent_ids": (11, 12), "team_ids": (1,)}
    given = {"id": "acme", "username": "acme", "password": EnvSecret(SECRET_VARIABLE), "max_body": MAX_BODY, **chosen}
    return GoogleCcaip(base_url=base_url, **{**given, **settings})  # type: ignore[arg-type]


CASES = (
    SourceCase(
        name="google-ccaip",
        config=google_ccaip,
        path="/apps/api/v1/agent_statuses",
        body=b'{"agent_ids":[11,12],"team_ids":[1]}',
        good=fixture("google-ccaip", "vendor-example"),
        agents=frozenset({"11", "12", "13"}),
        agent="11",
        agent_path="/apps/api/v1/agent_statuses",
        agent_body=b'{"agent_ids":[11]}',
        good_agent=fixture("google-ccaip", "vendor-example-of-one-agent"),
        credentials="Basic YWNtZTp0MGtlbi1uZXZlci10by1iZS10b2xk",
        other_agent="12",
        strange_path=None,
        status_field="status",
    ),
)

PARSERS = (
    Parser(
        name="google-ccaip",
        config=google_ccaip,
        items=json_items,
        agent_id=lambda item: str(int(item["agent_id"])),
        aside=frozenset({"name", "email", "agent_number", "ip_addrs", "new"}),
        read=lambda body, memo: source.read_agents(body, memo=memo, personal=EVERYTHING, unknown=UnknownFields()),
        keys=("agent_id", "status", "name", "email", "agent_number", "ip_addrs", "new"),
    ),
)
