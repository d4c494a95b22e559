"""What every source must do. A new source adds one `SourceCase`, and all situations are run through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from streamer.config import AgentStatus8x8, EnvSecret, GoogleCcaip, RealTimeStats8x8, TenantConfig, Vonage
from tests.sources.situations import MAX_BODY
from tests.sources.vendor import fixture

SECRET_VARIABLE = "CONTRACT_SECRET"
SECRET = "t0ken-never-to-be-told"
STRANGE = "../../a/b?c#d%2e ü\udc80"
"""An id that would lead elsewhere if it came into a URL as it is."""
PERSONAL = (
    *("Padma", "Othertask", "Jane", "Smith", "Ilya", "Workshard"),
    *("Marie", "Sanders"),
    *("Vader", "Craig", "Raymond", "notanakin", "@nelson", "34.211."),
)
"""Parts of names, e-mail and IP addresses that the fixtures hold; no error may repeat them."""


@dataclass(frozen=True, kw_only=True)
class SourceCase:
    """One source as the contract sees it.

    `config` makes a tenant's config for a base URL, with settings that differ from the case's own. `path` is what is
    asked for all agents and `good` the answer, which holds `agents`; `agent_path` and `good_agent` are the same for
    the one agent `agent`. `credentials` is the `Authorization` that must be sent while the secret is `SECRET`.
    `body` and `agent_body` are what the two requests carry. `other_agent` is an id that the vendor might have given to
    another agent; `strange_path` is what is asked for `STRANGE`, None where the vendor has no such ids. `variant` tells
    apart the cases of one source; `outcomes` are those of situations that mean something else at this vendor's.
    `shown_as` is the id of `agent` in events, where it is asked for by another.
    """

    name: str
    config: Callable[..., TenantConfig]
    path: str
    good: bytes
    agents: frozenset[str]
    agent: str
    agent_path: str
    good_agent: bytes
    credentials: str
    body: bytes = b""
    agent_body: bytes = b""
    other_agent: str = "another"
    strange_path: str | None
    variant: str = ""
    outcomes: Mapping[str, str] = field(default_factory=dict)
    shown_as: str | None = None

    def __str__(self) -> str:
        """Return what tests call the case."""
        return f"{self.name} {self.variant}".rstrip()


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
        outcomes={"API not enabled": "auth_failed"},
    )


def google_ccaip(base_url: str, **settings: object) -> TenantConfig:
    """Make the config of a tenant of Google's CCAI Platform."""
    chosen = {"agent_ids": (11, 12), "team_ids": (1,)}
    given = {"id": "acme", "username": "acme", "password": EnvSecret(SECRET_VARIABLE), "max_body": MAX_BODY, **chosen}
    return GoogleCcaip(base_url=base_url, **{**given, **settings})  # type: ignore[arg-type]


FRESH = fixture("vonage-agent-status", "vendor-example").replace(b"2019-12-23T", b"2099-12-23T")
"""Vonage's example, whose data is no older than the answer."""


def vonage(base_url: str, **settings: object) -> TenantConfig:
    """Make the config of an account at Vonage Contact Center; its secret is the token."""
    given = {"id": "acme", "token": settings.pop("password", EnvSecret(SECRET_VARIABLE)), "max_body": MAX_BODY}
    return Vonage(base_url=base_url, **{**given, **settings})  # type: ignore[arg-type]


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
        strange_path="/api/v1/tenants/acmecorp01/agentstatus/agents/..%2F..%2Fa%2Fb%3Fc%23d%252e%20%C3%BC%3F",
    ),
    *map(realtime_stats_case, ("json", "xml")),
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
    ),
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
        outcomes={"another agent": "not_found"},
    ),
)
