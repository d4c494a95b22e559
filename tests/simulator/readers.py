"""What any careful client makes of each vendor's answers: the status fields of each agent, or an error."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from streamer.simulator import token_of
from tests.simulator.conftest import TENANT, Client

MAX_BODY = 2 * 1024 * 1024
STATUS_FIELDS = (
    "agent-status",
    "status-code-list-id",
    "status-code-item-id",
    "status-code-item-short-code",
    "agent-sub-status",
)
MEDIA_TYPE = "application/vnd.newvoicemedia.v3+json"
BEARER = {"Authorization": f"Bearer {token_of(TENANT)}", "Accept": MEDIA_TYPE}

Agents = dict[str, dict[str, Any]]


class NoSnapshotError(Exception):
    """What came is not the vendor's list of agents."""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """How one source's answer is asked for and read."""

    source: str
    path: str
    media_type: str
    agents: Callable[[Any], Any]
    """The list of agents in the decoded body."""
    one: Callable[[Any], tuple[str, dict[str, Any]]]
    """An agent's id and status fields."""
    decode: Callable[[bytes], Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    async def read(self, client: Client) -> Agents:
        """Ask for all agents of the tenant and read the answer."""
        async with client.ask(self.path, headers=self.headers) as response:
            return self.understand(response, await limited(response))

    def understand(self, response: aiohttp.ClientResponse, body: bytes) -> Agents:
        """Read an answer; raises whatever it deserves."""
        if response.status != 200 or response.content_type != self.media_type:
            raise NoSnapshotError(response.status, response.content_type)
        found = [self.one(item) for item in self.agents(self.decode(body))]
        agents = dict(found)
        if len(agents) < len(found):
            raise NoSnapshotError("an agent twice")
        return agents


async def limited(response: aiohttp.ClientResponse) -> bytes:
    """The body, if it is not too large."""
    body = b""
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > MAX_BODY:
            raise NoSnapshotError("too large")
    return body


def from_json(body: bytes) -> Any:
    return json.loads(body.decode(), parse_constant=_refuse)


def from_xml(body: bytes) -> list[dict[str, Any]]:
    if b"<!DOCTYPE" in body:
        raise NoSnapshotError("a document type is no part of the answer")
    root = ET.fromstring(body)  # noqa: S314 - of our own making, and it has no entities
    if root.tag != "agents" or {child.tag for child in root} > {"agent"}:
        raise NoSnapshotError(root.tag)
    return [{each.tag: _leaf(each) for each in child} for child in root]


def _leaf(element: ET.Element) -> str | None:
    if len(element) and not element.tag.startswith("x-"):
        raise NoSnapshotError(element.tag)
    return element.text


def _refuse(constant: str) -> None:
    raise NoSnapshotError(constant)


def _status(item: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if not isinstance(item["agent-status"], int):
        raise NoSnapshotError("status")
    return item["agent-id"], {key: item.get(key) for key in STATUS_FIELDS}


def _stats(item: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    status: dict[str, Any] = {key: None if item[key] in (None, "") else item[key] for key in STATUS_FIELDS}
    status |= {key: int(status[key]) for key in STATUS_FIELDS[:3] if status[key] is not None}
    return item["agent-guid"].strip(), status


def _list_of_stats(body: Any) -> Any:
    if isinstance(body, list):
        return body
    (key,) = body.keys() & {"agents", "agent", "data"}
    return body[key]


def _vonage_page(body: Any) -> Any:
    meta, items = body["meta"], body["items"]
    if meta["page"] != 1 or meta["pageCount"] != bool(items) or not meta["count"] == meta["totalCount"] == len(items):
        raise NoSnapshotError(meta)
    return items


def _vonage(item: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if not isinstance(item["presence"]["name"], str):
        raise NoSnapshotError("presence")
    parts = {
        key: {name: value for name, value in item[key].items() if name != "since"} for key in ("presence", "workload")
    }
    interactions = [
        {name: value for name, value in each.items() if name != "since"}
        for each in sorted(item["interaction"], key=lambda each: str(each["guid"]))
    ]
    return item["agentId"], {**parts, "interaction": interactions}


def _google(item: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if not isinstance(item["status"], str):
        raise NoSnapshotError("status")
    return str(item["agent_id"]), {"status": item["status"]}


def _bare(body: Any) -> Any:
    if not isinstance(body, list):
        raise NoSnapshotError("no list")
    return body


READERS = {
    "8x8-agent-status": Reader(
        source="8x8-agent-status",
        path=f"/api/v1/tenants/{TENANT}/agentstatus/agents",
        media_type="application/json",
        decode=from_json,
        agents=lambda body: body["data"],
        one=_status,
    ),
    "8x8-realtime-stats json": Reader(
        source="8x8-realtime-stats",
        path="/api/rtstats/stats/agents.json",
        media_type="application/json",
        decode=from_json,
        agents=_list_of_stats,
        one=_stats,
    ),
    "8x8-realtime-stats xml": Reader(
        source="8x8-realtime-stats",
        path="/api/rtstats/stats/agents",
        media_type="application/xml",
        decode=from_xml,
        agents=lambda body: body,
        one=_stats,
    ),
    "vonage-agent-status": Reader(
        source="vonage-agent-status",
        path="/stats/agent-status",
        media_type=MEDIA_TYPE,
        headers=BEARER,
        decode=from_json,
        agents=_vonage_page,
        one=_vonage,
    ),
    "google-ccaip": Reader(
        source="google-ccaip",
        path="/apps/api/v1/agent_statuses",
        media_type="application/json",
        decode=from_json,
        agents=_bare,
        one=_google,
    ),
}
