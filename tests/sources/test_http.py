"""The HTTP client that all sources share: deadline, window, limits, and whom it does not listen to."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from streamer.clock import SystemClock
from streamer.model import Millis, Window
from streamer.sources.errors import PollError
from streamer.sources.http import Answer, Http, Refusal, Request
from tests.sources.vendor import Respond, Vendor, answer

GOOD = b'{"good": true}'


class SetClock:
    """A wall clock that tells given times, one after the other; the monotonic clock is the system's."""

    def __init__(self, *times: Millis) -> None:
        self._times = list(times)

    def wall(self) -> Millis:
        """Return the next time."""
        return self._times.pop(0)

    def monotonic(self) -> float:
        """Return the system's."""
        return time.monotonic()


def request_to(vendor: Vendor, path: str = "/x", **fields: object) -> Request:
    return Request(url=URL(vendor.base_url + path), **{"headers": {}, "max_body": 4096, **fields})  # type: ignore[arg-type]


async def fetch(http: Http, request: Request, *, within: float = 5) -> Answer:
    return await http.fetch(request, deadline=time.monotonic() + within)


async def test_an_answer_is_given_with_all_that_sources_need(http: Http, vendor: Vendor) -> None:
    """Body, type, fields by any case, and the vendor's own time in milliseconds."""
    vendor.respond = answer(GOOD, headers={"Date": "Fri, 15 Jan 2027 08:00:00 GMT", "X-Up-To": "now"})
    got = await fetch(http, request_to(vendor))
    assert (got.body, got.content_type, got.status) == (GOOD, "application/json", 200)
    assert got.headers["x-up-to"] == "now"
    assert got.date == 1_800_000_000_000


async def test_a_date_that_is_none_is_no_error(http: Http, vendor: Vendor) -> None:
    """A vendor without a clock can be polled all the same."""
    vendor.respond = answer(GOOD, headers={"Date": "yesterday"})
    assert (await fetch(http, request_to(vendor))).date is None


async def test_an_answer_without_a_type_counts(http: Http, vendor: Vendor) -> None:
    """RFC 9110 lets a server leave it out; the body will tell."""

    async def untyped(request: web.Request) -> web.StreamResponse:
        assert isinstance(request.transport, asyncio.WriteTransport)
        request.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n" + GOOD)
        await asyncio.sleep(1)
        return web.Response()

    vendor.respond = untyped
    assert (await fetch(http, request_to(vendor))).body == GOOD


async def test_the_deadline_holds_for_head_and_body_together(http: Http, vendor: Vendor) -> None:
    """A server that keeps sending is cut off on time, and the error says how far it came."""

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await asyncio.sleep(0.05)
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)

    vendor.respond = drip
    began = time.monotonic()
    with pytest.raises(PollError, match=r"[1-9]\d* bytes of a body in \d+ ms"):
        await fetch(http, request_to(vendor), within=2.0)
    assert time.monotonic() - began >= 2.0


async def test_a_deadline_that_has_passed_sends_nothing(http: Http, vendor: Vendor) -> None:
    """Of a poll with several requests, the last ones may find no time left."""
    vendor.respond = answer(GOOD)
    with pytest.raises(PollError) as caught:
        await fetch(http, request_to(vendor), within=-1)
    assert (caught.value.outcome, vendor.asked) == ("timeout", [])


async def test_a_cancelled_request_is_cancelled_and_leaves_the_client_usable(http: Http, vendor: Vendor) -> None:
    """Cancelling is no outcome: it goes through."""
    arrived = asyncio.Event()

    async def never(_: web.Request) -> web.StreamResponse:
        arrived.set()
        await asyncio.sleep(60)
        return web.Response()

    vendor.respond = never
    task = asyncio.create_task(fetch(http, request_to(vendor)))
    await asyncio.wait_for(arrived.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    vendor.respond = answer(GOOD)
    assert (await fetch(http, request_to(vendor))).body == GOOD


async def test_the_window_begins_before_a_request_that_was_silently_sent_again(http: Http, vendor: Vendor) -> None:
    """The client library repeats a GET once if a kept connection breaks: the window holds both sendings."""
    vendor.respond = answer(GOOD)
    await fetch(http, request_to(vendor))
    arrivals: list[Millis] = []

    async def break_once(request: web.Request) -> web.StreamResponse:
        arrivals.append(time.time_ns() // 1_000_000)
        if len(arrivals) == 1:
            await asyncio.sleep(0.05)
            assert request.transport is not None
            request.transport.close()
        return web.Response(body=GOOD, content_type="application/json")

    vendor.respond = break_once
    window = (await fetch(http, request_to(vendor))).window
    first, second = arrivals
    assert window.start <= first < second <= window.end


async def test_the_window_ends_after_the_last_byte(http: Http, vendor: Vendor) -> None:
    """What the body shows may be as young as its end."""

    async def in_two_parts(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(GOOD[:5])
        await asyncio.sleep(0.1)
        await response.write(GOOD[5:])
        return response

    vendor.respond = in_two_parts
    window = (await fetch(http, request_to(vendor))).window
    assert window.end - window.start >= 99


@pytest.mark.parametrize(
    ("age", "held"), [(None, 0), ("0", 1000), ("7", 8000), ("-1", 0), ("old", 0), ("3599", 3_600_000)]
)
async def test_the_window_begins_earlier_by_the_time_in_a_cache(vendor: Vendor, age: str | None, held: Millis) -> None:
    """`Age` (RFC 9111) is in whole seconds, so one more may have passed."""
    vendor.respond = answer(GOOD, headers={} if age is None else {"Age": age})
    async with Http(clock=SetClock(1_000_000_000, 1_000_000_020)) as http:
        window = (await fetch(http, request_to(vendor))).window
    assert window == Window(start=1_000_000_000 - held, end=1_000_000_020)


async def test_a_window_never_ends_before_it_starts(vendor: Vendor) -> None:
    """The wall clock may be set back while a request is under way."""
    vendor.respond = answer(GOOD)
    async with Http(clock=SetClock(1_000_000, 500_000)) as http:
        window = (await fetch(http, request_to(vendor))).window
    assert window == Window(start=1_000_000, end=1_000_000)


async def test_a_vendor_without_a_clock_is_paused_for_by_ours(vendor: Vendor) -> None:
    """Without a usable `Date`, a time in Retry-After can only be read by our clock."""
    headers = {"Date": "-", "Retry-After": "Fri, 15 Jan 2027 08:00:30 GMT"}
    vendor.respond = answer(b"", status=429, headers=headers)
    async with Http(clock=SetClock(0, 1_800_000_000_000)) as http:
        with pytest.raises(PollError) as caught:
            await fetch(http, request_to(vendor))
    assert caught.value.retry_after == 30


async def test_a_body_may_be_as_large_as_the_limit_but_not_larger(http: Http, vendor: Vendor) -> None:
    """The limit is inclusive, whether the size is announced or not."""
    for size, chunked in ((4096, False), (4096, True), (4097, False), (4097, True)):
        vendor.respond = sized(size, chunked=chunked)
        if size == 4096:
            assert len((await fetch(http, request_to(vendor))).body) == size
            continue
        with pytest.raises(PollError, match="has more than 4096" if chunked else "announces 4097") as caught:
            await fetch(http, request_to(vendor))
        assert caught.value.outcome == "too_large"


async def test_the_environment_has_no_say(vendor: Vendor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a proxy nor credentials of ~/.netrc come into a request that the config describes."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    vendor.respond = answer(GOOD)
    async with Http(clock=SystemClock()) as http:
        assert (await fetch(http, request_to(vendor))).body == GOOD
    assert "Authorization" not in vendor.asked[0].headers


async def test_credentials_belong_to_one_request(http: Http, vendor: Vendor) -> None:
    """The next request over the same connection does not carry them."""
    vendor.respond = answer(GOOD)
    await fetch(http, request_to(vendor, headers={"Authorization": "Basic eA=="}))
    await fetch(http, request_to(vendor))
    assert [asked.headers.get("Authorization") for asked in vendor.asked] == ["Basic eA==", None]


async def test_a_request_says_who_asks_and_what_is_wanted(http: Http, vendor: Vendor) -> None:
    """A vendor's support can find us in its logs; caches on the way are asked to stay out of it."""
    vendor.respond = answer(GOOD)
    await fetch(http, request_to(vendor))
    headers = vendor.asked[0].headers
    assert headers["User-Agent"].startswith("agent-status-streamer/")
    assert (headers["Accept"], headers["Accept-Encoding"]) == ("application/json", "gzip, deflate")
    assert headers["Cache-Control"] == "no-cache"


async def test_requests_of_other_vendors_fit(http: Http, vendor: Vendor) -> None:
    """A GET with a JSON body, a POST, XML, a media type of the vendor's own."""
    vendor.respond = answer(b"<a/>", content_type="text/xml")
    got = await fetch(http, request_to(vendor, format="xml", method="POST", content=b"k=v"))
    assert (got.body, vendor.asked[0].method, vendor.asked[0].body) == (b"<a/>", "POST", b"k=v")
    vendor.respond = answer(GOOD)
    headers = {"Content-Type": "application/json", "Accept": "application/vnd.v3+json"}
    await fetch(http, request_to(vendor, content=b"{}", headers=headers))
    asked = vendor.asked[1]
    assert (asked.method, asked.body) == ("GET", b"{}")
    assert (asked.headers["Content-Type"], asked.headers["Accept"]) == tuple(headers.values())


async def test_a_vendor_may_mean_something_else_by_a_refusal(http: Http, vendor: Vendor) -> None:
    """One vendor's 403 is another vendor's wrong password."""
    vendor.respond = answer(b"", status=403)
    refusals = {403: Refusal("auth_failed", "look into the portal")}
    with pytest.raises(PollError, match="answers 403 — look into the portal") as caught:
        await fetch(http, request_to(vendor, refusals=refusals))
    assert caught.value.outcome == "auth_failed"


async def test_errors_name_the_request_without_query(http: Http, vendor: Vendor) -> None:
    """Host and path say where; a query may hold more than that."""
    vendor.respond = answer(b"", status=500)
    with pytest.raises(PollError) as caught:
        await fetch(http, request_to(vendor, "/stats/x%2Fy?key=s3cret"))
    host = vendor.base_url.removeprefix("http://")
    assert caught.value.message == f"GET {host}/stats/x%2Fy: answers 500"


def test_a_request_does_not_show_its_credentials() -> None:
    """Neither printed nor in a traceback that shows values."""
    request = Request(url=URL("https://h.example/p?q"), headers={"Authorization": "Basic s3cret"}, max_body=1)
    assert f"{request} {request!r}" == "<Request GET h.example/p> <Request GET h.example/p>"


async def test_a_client_that_was_not_opened_says_so() -> None:
    """A slip in wiring is not taken for a vendor's fault."""
    http = Http(clock=SystemClock())
    with pytest.raises(RuntimeError, match="async with"):
        await fetch(http, Request(url=URL("http://127.0.0.1"), headers={}, max_body=1))


def sized(size: int, *, chunked: bool) -> Respond:
    async def respond(_: web.Request) -> web.StreamResponse:
        response = web.Response(body=b" " * size, content_type="application/json")
        if chunked:
            response.enable_chunked_encoding()
        return response

    return respond
