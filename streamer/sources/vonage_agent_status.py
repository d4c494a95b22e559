"""Vonage Contact Center, "Get agent current status" of the Insights Stats API: all agents of an account, in pages.

    GET {base_url}/stats/agent-status?page=N    {"meta": {page, count, pageCount, totalCount}, "items": [...], "upTo": ...}

Every part of a status has the vendor's own time of entry.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from yarl import URL

from streamer.clock import Clock
from streamer.config import Vonage
from streamer.model import AgentStatus, Interval, Meaning, Millis, Snapshot, Transition, Window
from streamer.sources import payload
from streamer.sources.authorization import bearer
from streamer.sources.documented import UnknownFields
from streamer.sources.errors import PollError
from streamer.sources.http import Answer, Http, Refusal, Request
from streamer.sources.oauth import tokens_of
from streamer.sources.paging import Page, Scanner
from streamer.sources.skew import SkewEstimate
from streamer.sources.vonage_components import VonageStatus, transition
from streamer.sources.vonage_payload import Reading, read_page
from streamer.sources.vonage_vocabulary import VonageVocabulary, status_key_fault

MEDIA_TYPE: Final = "application/vnd.newvoicemedia.v3+json"
SCOPE: Final = "stats"

STANDING: Final = 60.0
"""Seconds for which the vendor's date of its data may stand still. By its document that is the time of the request."""

_HERE: Final = "check base_url (https://REGION.api.newvoicemedia.com, all before /stats)"
_WHO: Final = "check the agent's id, agentId as in Vonage Contact Center Admin Portal"

REFUSALS: Final[Mapping[int, Refusal]] = MappingProxyType(
    {
        400: Refusal("bad_request", _HERE),
        401: Refusal("auth_failed", "check token (or oauth); tokens end, and are good in their own region only"),
        403: Refusal("not_enabled", f"give the API credentials the scope {SCOPE}"),
        404: Refusal("not_found", _HERE),
        406: Refusal("http_error", f"{_HERE}; the vendor may have withdrawn version 3 of this API"),
    }
)
REFUSALS_OF_AGENT: Final[Mapping[int, Refusal]] = MappingProxyType(
    {**REFUSALS, 404: Refusal("not_found", f"{_WHO}; else {_HERE}")}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Poll:
    """One poll: how it asks, until when (monotonic seconds), and what it has seen.

    That is items, the dates of the data, and fields that no document shows.
    """

    refusals: Mapping[int, Refusal]
    began: float
    deadline: float
    items: dict[bytes, VonageStatus] = field(default_factory=dict)
    dates: list[Millis] = field(default_factory=list)
    unknown: UnknownFields = field(default_factory=UnknownFields)


class VonageAgentStatus:
    """The source of one tenant."""

    name: Final = "vonage-agent-status"
    assumed_age_ms: Final[Millis] = 0  # answers are dated: `upTo` bounds the window instead
    queues: Final = None

    def __init__(self, *, config: Vonage, http: Http, clock: Clock) -> None:
        """Take the tenant's config and what all sources share."""
        self._config = config
        self._http = http
        self._clock = clock
        self._url = URL(config.base_url).joinpath("stats", "agent-status")
        self._vocabulary = VonageVocabulary(config.status_map)
        self._tokens = tokens_of(config, scope=SCOPE, http=http, clock=clock)
        self._skew = SkewEstimate()
        self._scanner: Scanner[VonageStatus] = Scanner()
        self._memo: dict[bytes, VonageStatus] = {}
        self._dated: Millis | None = None
        self._moved = 0.0

    async def snapshot(self) -> Snapshot:
        """Read all pages. Items that are byte for byte as in the last snapshot give the identical objects.

        Raises:
            PollError: anything but a complete snapshot; `incomplete` if agents came and went between pages again and
                again, `stale` if the vendor's date of its data stands still.

        """
        return await self._read(REFUSALS)

    async def agent(self, agent_id: str) -> AgentStatus:
        """Read all pages, for the status of one agent: the vendor has no request for a single one.

        Raises:
            PollError: anything but that agent's status; `not_found` if the vendor does not know it.

        """
        if not agent_id.strip(" ."):
            raise PollError("not_found", f"{agent_id!r} is no agent's id", advice=_WHO)
        status = (await self._read(REFUSALS_OF_AGENT)).agents.get(agent_id)
        if status is None:
            raise PollError("not_found", f"agent {agent_id!r} is not in the answer", advice=_WHO)
        return status

    def transition(self, before: Mapping[str, Any], since: Interval | None, status: AgentStatus) -> Transition:  # noqa: ARG002
        """Compare the components, and the vendor's own times of them, which are in `before` too and finer than `since`."""
        return transition(before, status)

    def interpret(self, vendor: Mapping[str, Any]) -> Meaning:
        """Look up interactions, workload and presence."""
        return self._vocabulary.interpret(vendor)

    @staticmethod
    def status_key_fault(key: str) -> str | None:
        """Refuse keys that are not `Away` or `Away/Lunch`: presence, description."""
        return status_key_fault(key)

    async def _read(self, refusals: Mapping[int, Refusal]) -> Snapshot:
        began = self._clock.monotonic()
        poll = Poll(refusals=refusals, began=began, deadline=began + self._config.timeout / 1000)
        whole = await self._scanner.scan(partial(self._page, poll))
        self._memo = poll.items
        self._check_date(poll)
        fields = poll.unknown.paths
        return Snapshot(tenant=self._config.id, window=whole.window, agents=whole.items, unknown_fields=fields)

    async def _page(self, poll: Poll, number: int) -> Page[VonageStatus]:
        answer = await self._get(poll, number)
        self._skew.learn(answer.date, answer.window)
        reading = Reading(skew=self._skew.skew, seen=answer.window.end)
        memo = ChainMap(poll.items, self._memo)
        read = partial(read_page, memo=memo, reading=reading, unknown=poll.unknown)
        sheet = await payload.off_loop(answer.body, read)
        poll.items.update(sheet.memo)
        start = answer.window.start
        if sheet.up_to is not None:
            poll.dates.append(sheet.up_to)
            start = min(start, reading.earliest(sheet.up_to))
        return sheet.page(Window(start=start, end=answer.window.end))

    async def _get(self, poll: Poll, number: int) -> Answer:
        token = await self._tokens.get(deadline=poll.deadline)
        request = Request(
            url=self._url.with_query(page=number),
            headers={**bearer(token), "Accept": MEDIA_TYPE},
            max_body=self._config.max_body,
            refusals=poll.refusals,
        )
        try:
            answer = await self._http.fetch(request, deadline=poll.deadline)
        except PollError as error:
            if error.outcome == "auth_failed" and self._tokens.refused(token):
                return await self._get(poll, number)
            raise
        self._tokens.accepted(token)
        return answer

    def _check_date(self, poll: Poll) -> None:
        """Follow the newest date of the data from poll to poll. A clock that is set back is no clock that stands.

        Raises:
            PollError: stale, once it has not moved on for longer than `STANDING`.

        """
        before, self._dated = self._dated, max(poll.dates, default=None)
        if before is None or self._dated is None or self._dated > before:
            self._moved = self._clock.monotonic()
        elif (stood := poll.began - self._moved) > STANDING:
            raise PollError("stale", f"the vendor's date of its data (upTo) has stood still for {stood:.0f} s")
