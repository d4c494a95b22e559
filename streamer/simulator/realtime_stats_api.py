"""8x8, real-time statistics over HTTP, from a cache that is refreshed every so often ("every 10 seconds").

Where the document is silent: a list is `<agents> <agent>...</agent> </agents>` in XML and `{"agents": [...]}` in JSON,
where an empty element is null; the cache of each tenant is refreshed at a phase of its own.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from http import HTTPStatus
from typing import Any

from aiohttp import web

from streamer.simulator.access import basic_user
from streamer.simulator.api import Content, Fields, Question, Refused, only_item
from streamer.simulator.formats import Format, Json, Xml
from streamer.simulator.identity import Ids
from streamer.simulator.listing import Listing
from streamer.simulator.realtime_fields import QUEUES, agent_fields, queue_fields
from streamer.simulator.realtime_stats import Standing, follow
from streamer.simulator.settings import SimulatorSettings
from streamer.simulator.world import Transition

ROOT = "/api/rtstats/stats"
FIELDS: Mapping[str, Fields] = {
    "agent": Fields(ids=("agent-guid", "agent-id"), status=("agent-status",), name=("agent-name",)),
    "queue": Fields(ids=("queue-id",), status=("queue-size",), name=("queue-name",)),
}
FORMATS: Mapping[tuple[str, str], Format] = {
    (noun, suffix): Json() if suffix == "json" else Xml(noun) for noun in FIELDS for suffix in ("json", "xml")
}

Rows = Mapping[str, Mapping[str, Any]]


class Snapshot:
    """What the cache holds of one tenant: all of `standings` as of `at`, rendered when first asked for."""

    def __init__(self, standings: Mapping[str, Standing], *, at: int, skew: int) -> None:
        self.at = at
        self._standings = tuple(standings.values())
        self._skew = skew
        self._items: dict[tuple[str, str], dict[str, bytes]] = {}

    def items(self, noun: str, suffix: str) -> Mapping[str, bytes]:
        """Every agent (by login id) or queue (by its id), written in the format of `suffix`."""
        kind = noun, suffix
        if kind not in self._items:
            rows = self._agents if noun == "agent" else self._queues
            encode = FORMATS[kind].encode
            self._items[kind] = {key: encode(_padded(row) if suffix == "xml" else row) for key, row in rows.items()}
        return self._items[kind]

    @cached_property
    def _agents(self) -> Rows:
        return {each.ids.login: agent_fields(each, at=self.at, skew=self._skew) for each in self._standings}

    @cached_property
    def _queues(self) -> Rows:
        return {str(queue.id): queue_fields(queue, self._standings, at=self.at) for queue in QUEUES}


class RealTimeStatsApi:
    """Agents and queues, all or one, in XML or JSON."""

    paths: Sequence[str] = (ROOT + "/{resource}", ROOT + "/{resource}/{id}")
    unauthorized = Refused(HTTPStatus.FORBIDDEN, "Forbidden")

    def __init__(self, settings: SimulatorSettings, *, start: int) -> None:
        self._start = start
        self._seed = settings.seed
        self._period = round(settings.stats_cache * 1000)
        self._skew = round(settings.clock_skew * 1000)
        self._agents: defaultdict[str, Listing[str, Standing]] = defaultdict(Listing)
        self._cache: dict[str, Snapshot] = {}

    def follow(self, ids: Ids, change: Transition) -> None:
        """Keep what is known of the agent."""
        listing, at = self._agents[change.agent.tenant], change.at
        if change.state is None:
            listing.put(ids.login, None, at=at)
        else:
            standing = follow(listing.get(ids.login), ids, change.agent.name, at=at, state=change.state)
            listing.put(ids.login, standing, at=at)

    def caller(self, request: web.Request, now: int) -> str | None:  # noqa: ARG002 - these credentials do not end
        """The user is the tenant."""
        return basic_user(request)

    async def content(self, question: Question) -> Content:
        """Answer from the cache; 404 for what is no resource, and for an agent or a queue that is not there."""
        parts = question.request.match_info
        last, _, suffix = parts.get("id", parts["resource"]).rpartition(".")
        if suffix not in ("json", "xml"):
            last, suffix = parts.get("id", parts["resource"]), "xml"
        single = "id" in parts
        noun = parts["resource"] if single else last.removesuffix("s")
        if noun not in FIELDS or (not single and last != f"{noun}s"):
            raise Refused(HTTPStatus.NOT_FOUND, "Not found")
        cached = self._snapshot(question)
        items = cached.items(noun, suffix)
        if single and last not in items:
            raise Refused(HTTPStatus.NOT_FOUND, "Not found")
        listed = partial(_json_list if suffix == "json" else _xml_list, f"{noun}s")
        return Content(
            items=[items[last]] if single else list(items.values()),
            envelope=only_item if single else listed,
            format=FORMATS[noun, suffix],
            fields=FIELDS[noun],
            single=single,
            tagged=True,
            refreshed=cached.at if self._period else None,
        )

    def refreshed_at(self, tenant: str, now: int) -> int:
        """When the tenant's cache was refreshed last, as of `now` (ms since the epoch)."""
        if not self._period:
            return now
        phase = random.Random(f"{self._seed}/{tenant}/cache").randrange(self._period)
        return max(self._start, now - (now - phase) % self._period)

    def _snapshot(self, question: Question) -> Snapshot:
        tenant, kept = question.tenant, self._cache.get(question.tenant)
        at = self.refreshed_at(tenant, question.at)
        if kept is None or (kept.at != at and not question.stuck):
            kept = self._cache[tenant] = Snapshot(self._agents[tenant].at(at), at=at, skew=self._skew)
        return kept


def _padded(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document's example in XML has blanks around the GUID."""
    return {**row, "agent-guid": f" {row['agent-guid']} "} if "agent-guid" in row else row


def _json_list(plural: str, items: Sequence[bytes]) -> bytes:
    return b'{"' + plural.encode() + b'":[' + b",".join(items) + b"]}"


def _xml_list(plural: str, items: Sequence[bytes]) -> bytes:
    return b" ".join([f"<{plural}>".encode(), *items, f"</{plural}>".encode()])
