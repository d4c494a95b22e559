"""Vonage, over real HTTP: what is asked, how pages become one snapshot, and how old it may be."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import web

from streamer.clock import SystemClock
from streamer.config import Vonage
from streamer.model import Snapshot
from streamer.sources.errors import PollError
from streamer.sources.http import Http
from streamer.sources.registry import make_source
from streamer.sources.source import Source
from tests.sources.cases import CASES
from tests.sources.cases.vonage import FRESH, vonage
from tests.sources.conftest import MakeSource
from tests.sources.contract import SECRET, SECRET_VARIABLE
from tests.sources.vendor import Vendor, answer, fixture

SOURCE = "vonage-agent-status"
ITEM: dict[str, Any] = json.loads(FRESH)["items"][1]


@pytest.fixture
def case(monkeypatch: pytest.MonkeyPatch) -> object:
    """This source alone."""
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    return next(each for each in CASES if each.name == SOURCE)


class Pages:
    """Agents in pages of two, dated `behind` seconds before the vendor's clock, which is `ahead` of ours."""

    def __init__(self, agents: Sequence[str], *, behind: Sequence[float] = (0,), ahead: float = 0) -> None:
        """Take who is listed, and how far behind each page's data is, the last for all after it."""
        self.agents = agents
        self.behind = list(behind)
        self.ahead = ahead
        self.standing: str | None = None

    async def __call__(self, request: web.Request) -> web.Response:
        """Answer one page."""
        number = int(request.query["page"])
        shown = self.agents[2 * (number - 1) : 2 * number]
        now = datetime.now(UTC) + timedelta(seconds=self.ahead)
        behind = self.behind.pop(0) if len(self.behind) > 1 else self.behind[0]
        document = {
            "meta": {
                "page": number,
                "count": len(shown),
                "pageCount": -(-len(self.agents) // 2),
                "totalCount": len(self.agents),
            },
            "items": [{**ITEM, "agentId": agent} for agent in shown],
            "upTo": self.standing or (now - timedelta(seconds=behind)).isoformat(),
        }
        return web.json_response(document, headers={"Date": formatdate(now.timestamp(), usegmt=True)})


async def test_the_version_of_the_api_is_asked_for(vendor: Vendor, source_of: MakeSource) -> None:
    """By the media type, as the document shows."""
    vendor.respond = answer(FRESH)
    await source_of().snapshot()
    assert vendor.asked[0].headers["Accept"] == "application/vnd.newvoicemedia.v3+json"


async def test_pages_are_asked_for_one_after_the_other_and_become_one_snapshot(
    vendor: Vendor, source_of: MakeSource
) -> None:
    """Once more from the start at first; then the first page again is enough."""
    vendor.respond = Pages("abcde")
    source = source_of()
    assert list((await source.snapshot()).agents) == list("abcde")
    paths = [f"/stats/agent-status?page={number}" for number in (1, 2, 3, 1)]
    assert [asked.path for asked in vendor.asked] == paths * 2
    vendor.asked.clear()
    await source.snapshot()
    assert [asked.path for asked in vendor.asked] == paths


async def test_a_page_that_fails_fails_the_poll(vendor: Vendor, source_of: MakeSource) -> None:
    """A snapshot is whole or there is none."""
    pages = Pages("abcde")

    async def respond(request: web.Request) -> web.StreamResponse:
        return web.json_response({}, status=503) if request.query["page"] == "3" else await pages(request)

    vendor.respond = respond
    with pytest.raises(PollError) as caught:
        await source_of().snapshot()
    assert caught.value.outcome == "server_busy"


async def test_all_pages_share_the_polls_one_timeout(vendor: Vendor, source_of: MakeSource) -> None:
    """However many there are."""
    vendor.respond = Pages([f"{number}" for number in range(9999)])
    assert await outcome(source_of(timeout=500)) == "timeout"
    assert len(vendor.asked) > 2


async def test_an_agent_on_two_pages_makes_the_scan_incomplete(vendor: Vendor, source_of: MakeSource) -> None:
    """After a bounded number of scans."""
    vendor.respond = Pages("abca")
    with pytest.raises(PollError, match="page 2 held an agent of a page before it") as caught:
        await source_of().snapshot()
    assert (caught.value.outcome, len(vendor.asked)) == ("incomplete", 8)


@pytest.mark.parametrize("ahead", [0, -3600, 86_400])
async def test_the_window_does_not_begin_after_the_vendors_date_of_any_page(
    vendor: Vendor, source_of: MakeSource, ahead: float
) -> None:
    """In our clock, however the vendor's is set: a node that lags says so in `upTo`."""
    clock, source = SystemClock(), source_of()
    vendor.respond = Pages("abcd", behind=[0, 0, 0, 0, 30, 0], ahead=ahead)
    before = clock.wall()
    window = (await source.snapshot()).window
    assert before - 31_500 <= window.start <= clock.wall() - 30_000
    assert before <= window.end <= clock.wall()
    fresh = clock.wall()
    assert fresh - 1500 <= (await source.snapshot()).window.start <= clock.wall()


async def test_entries_are_told_in_our_clock(vendor: Vendor, source_of: MakeSource) -> None:
    """An hour ahead: the vendor's time less an hour, to a second."""
    vendor.respond = Pages("a", ahead=3600)
    entered = (await source_of().snapshot()).agents["a"].entered
    ready = round(datetime.fromisoformat("2019-12-19T15:00:30.145+00:00").timestamp() * 1000)
    assert entered is not None
    assert entered.earliest <= ready <= entered.latest <= entered.earliest + 1500


async def test_an_unchanged_agent_is_the_identical_object(vendor: Vendor, source_of: MakeSource) -> None:
    """From scan to scan and on whichever page; a poll that fails changes nothing of that."""
    pages = Pages("abcde")
    vendor.respond = pages
    source = source_of()
    first = (await source.snapshot()).agents
    vendor.respond = answer(fixture(SOURCE, "bad-items-missing"))
    with pytest.raises(PollError):
        await source.snapshot()
    pages.agents = "0abcde"
    vendor.respond = pages
    second = (await source.snapshot()).agents
    assert all(second[agent] is first[agent] for agent in "abcde")


async def test_one_agent_is_found_on_any_page(vendor: Vendor, source_of: MakeSource) -> None:
    """The vendor has no request for a single one."""
    vendor.respond = Pages("abcde")
    source = source_of()
    assert (await source.agent("e")).agent == "e"
    with pytest.raises(PollError, match=r"agent 'f' is not in the answer — check the agent's id") as caught:
        await source.agent("f")
    assert caught.value.outcome == "not_found"


class Skipping:
    """A clock whose monotonic time can be put forward."""

    ahead = 0.0

    def wall(self) -> int:
        """Return the system's wall clock."""
        return SystemClock().wall()

    def monotonic(self) -> float:
        """Return the system's, and what was skipped."""
        return SystemClock().monotonic() + self.ahead


async def test_data_whose_date_stands_still_is_stale(
    vendor: Vendor, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For more than a minute; once it moves on, or is set back, all is well again."""
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    clock, pages = Skipping(), Pages("ab")
    config = vonage(vendor.base_url)
    assert isinstance(config, Vonage)
    source = make_source(config, http=http, clock=clock)
    vendor.respond = pages
    pages.standing = "2026-11-21T12:00:00Z"
    await source.snapshot()
    for _ in range(2):
        clock.ahead += 29.9
        await source.snapshot()
    clock.ahead += 1
    with pytest.raises(PollError, match=r"\(upTo\) has stood still for 6[01] s") as caught:
        await source.snapshot()
    assert caught.value.outcome == "stale"
    pages.standing = "2026-11-21T12:00:01Z"
    await source.snapshot()
    clock.ahead += 100
    assert await outcome(source) == "stale"
    pages.standing = "2026-11-21T11:00:00Z"
    assert await outcome(source) == "stale"
    pages.standing = "2026-11-21T11:00:10Z"
    assert isinstance(await outcome(source), Snapshot)


async def test_an_answer_without_a_date_of_its_data_is_taken_as_of_now(vendor: Vendor, source_of: MakeSource) -> None:
    """The document shows one; where none comes, or none that can be read, the request bounds the window alone."""
    for date in (b"null", b'"soon"', b'"0001-01-01T00:00:00Z"'):
        vendor.respond = answer(FRESH.replace(b'"2099-12-23T09:39:07.012Z"', date))
        before = SystemClock().wall()
        assert (await source_of().snapshot()).window.start >= before


@pytest.mark.parametrize("token", ["t0ken b", "t0ken\nb", "schlüssel", "\x7f"])
async def test_a_token_that_no_request_can_carry_is_not_sent(
    vendor: Vendor, source_of: MakeSource, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """Nor told."""
    monkeypatch.setenv(SECRET_VARIABLE, token)
    with pytest.raises(PollError, match="no request can carry") as caught:
        await source_of().snapshot()
    assert (caught.value.outcome, vendor.asked) == ("secret_unreadable", [])
    assert token not in str(caught.value)


async def outcome(source: Source) -> Snapshot | str:
    """Return the snapshot of a poll, or its outcome if it failed."""
    try:
        return await source.snapshot()
    except PollError as error:
        return error.outcome
