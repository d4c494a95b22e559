"""Vonage Contact Center, "Get agent current status" over HTTP: versioned media type, bearer token, pages.

Where the document is silent: another Accept header is answered 406 (RFC 9110, 15.5.7), a `page` that is no number
from 1 on 400, a page after the last with no items; of no agents at all there are 0 pages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from http import HTTPStatus

import msgspec
from aiohttp import web

from streamer.simulator.access import BEARER, Tokens, bearer_token, token_of
from streamer.simulator.api import Content, Fields, Question, Refused
from streamer.simulator.formats import Json
from streamer.simulator.identity import Ids
from streamer.simulator.listing import Listing
from streamer.simulator.settings import SimulatorSettings
from streamer.simulator.vonage import Step, View, follow, render, timestamp
from streamer.simulator.world import Transition

MEDIA_TYPE = "application/vnd.newvoicemedia.v3+json"
MAX_DIGITS = 10
FIELDS = Fields(ids=("agentId",), status=("presence", "name"), name=("presence", "description"), numeric=False)


class VonageApi:
    """All agents, in pages, by `agentId` in ascending order; each page shows the moment in which it was asked for."""

    paths: Sequence[str] = ("/stats/agent-status",)
    unauthorized = Refused(HTTPStatus.UNAUTHORIZED, "Unauthorized", BEARER)

    def __init__(self, settings: SimulatorSettings, *, start: int) -> None:  # noqa: ARG002 - as all APIs
        self._size = settings.page_size
        self._skew = round(settings.clock_skew * 1000)
        self._whole = settings.vonage_since == "interaction"
        self._tokens = Tokens(seed=settings.seed, life=settings.token_life)
        self._format = Json(MEDIA_TYPE)
        self._agents: defaultdict[str, Listing[str, tuple[View, bytes]]] = defaultdict(Listing)

    def follow(self, ids: Ids, change: Transition) -> None:
        """Write down the agent once per change."""
        listing = self._agents[change.agent.tenant]
        if change.state is None:
            listing.put(ids.vonage, None, at=change.at)
            return
        before = listing.get(ids.vonage)
        view = follow(before and before[0], Step(ids, change.at, change.state), whole=self._whole)
        listing.put(ids.vonage, (view, render(view, skew=self._skew)), at=change.at)

    def caller(self, request: web.Request, now: int) -> str | None:
        """A token is the tenant's own for ever, or one that the OAuth endpoint issued."""
        token = bearer_token(request)
        if token is None:
            return None
        tenant = token.removeprefix(token_of(""))
        return tenant if token == token_of(tenant) else self._tokens.tenant(token, now=now)

    async def content(self, question: Question) -> Content:
        """One page."""
        query, headers = question.request.query, question.request.headers
        if MEDIA_TYPE not in (kind.partition(";")[0].strip() for kind in headers.get("Accept", "").split(",")):
            raise Refused(HTTPStatus.NOT_ACCEPTABLE, f"Accept must be {MEDIA_TYPE}")
        page = query.get("page", "1")
        if not (page.isascii() and page.isdigit() and len(page) < MAX_DIGITS and int(page) > 0):
            raise Refused(HTTPStatus.BAD_REQUEST, "page must be a number from 1 on")
        return await self._page(question, int(page))

    async def _page(self, question: Question, page: int) -> Content:
        at, up_to = question.at, question.up_to
        if question.stir is not None and page > 1:
            at = up_to = await question.stir()
        everybody = list(self._agents[question.tenant].at(at).values())
        items = [item for _, item in everybody[self._size * (page - 1) : self._size * page]]
        return Content(
            items=items,
            envelope=partial(self._envelope, page, len(everybody) - len(items), timestamp(up_to + self._skew)),
            format=self._format,
            fields=FIELDS,
        )

    def _envelope(self, page: int, elsewhere: int, up_to: str, items: Sequence[bytes]) -> bytes:
        total = elsewhere + len(items)
        meta = {"page": page, "count": len(items), "pageCount": -(-total // self._size), "totalCount": total}
        head = b'{"meta":' + msgspec.json.encode(meta) + b',"items":['
        return head + b",".join(items) + b'],"upTo":' + msgspec.json.encode(up_to) + b"}"
