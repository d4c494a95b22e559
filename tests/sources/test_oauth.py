"""Tokens by client credentials (RFC 6749, 4.4), over real HTTP: asked for when needed, one at a time, never told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from streamer.clock import SystemClock
from streamer.config import EnvSecret, OAuth, Vonage
from streamer.sources.errors import PollError
from streamer.sources.http import Http
from streamer.sources.registry import make_source
from streamer.sources.source import Source
from tests.sources.cases.vonage import FRESH
from tests.sources.vendor import Vendor, vendor_server

SECRET = "client-secret-never-to-be-told"
Respond = Callable[[web.Request], web.StreamResponse]


class Skipping:
    """A clock whose monotonic time can be put forward."""

    def __init__(self) -> None:
        """Begin with the system's."""
        self.ahead = 0.0

    def wall(self) -> int:
        """Return the system's wall clock."""
        return SystemClock().wall()

    def monotonic(self) -> float:
        """Return the system's, and what was skipped."""
        return SystemClock().monotonic() + self.ahead


class Server:
    """Issues `token-1`, `token-2` and so on; `good` are those that open the API, none if `worthless`."""

    def __init__(self, vendor: Vendor) -> None:
        """Answer for a vendor."""
        self.issued = 0
        self.good: set[str] = set()
        self.worthless = False
        self.answer: Respond = self.issue
        self.life: object = 7200
        self.vendor = vendor
        vendor.respond = self.respond

    @property
    def asked(self) -> list[str]:
        """What was asked: `token`, or with which token for agents."""
        paths = [(each.path, each.headers.get("Authorization")) for each in self.vendor.asked]
        return ["token" if path == "/oauth/token" else f"{field}" for path, field in paths]

    def issue(self, _: web.Request) -> web.StreamResponse:
        """Answer as RFC 6749, 5.1 shows."""
        self.issued += 1
        token = f"token-{self.issued}"
        if not self.worthless:
            self.good.add(token)
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": self.life})

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Answer both."""
        await asyncio.sleep(0.01)
        if request.path == "/oauth/token":
            return self.answer(request)
        if request.headers["Authorization"].removeprefix("bearer ") not in self.good:
            return web.json_response({"message": "Unauthorized"}, status=401)
        up_to = f"2099-12-23T{len(self.vendor.asked):02d}:39:07.012Z".encode()
        return web.Response(body=FRESH.replace(b"2099-12-23T09:39:07.012Z", up_to), content_type="application/json")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server of tokens and of agents."""
    async with vendor_server() as vendor:
        yield Server(vendor)


@pytest.fixture
def clock() -> Skipping:
    """The clock of the source."""
    return Skipping()


@pytest.fixture
async def source(server: Server, clock: Skipping, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Source]:
    """The source of a tenant that states a client."""
    monkeypatch.setenv("CLIENT_SECRET", SECRET)
    url = server.vendor.base_url
    oauth = OAuth(token_url=f"{url}/oauth/token", client_id="acme & co", client_secret=EnvSecret("CLIENT_SECRET"))
    async with Http(clock=clock) as http:
        yield make_source(Vonage(id="acme", base_url=url, oauth=oauth), http=http, clock=clock)


async def refusal(source: Source) -> PollError:
    """Return why a poll failed; neither the secret nor a token is in its text."""
    with pytest.raises(PollError) as caught:
        await source.snapshot()
    text = f"{caught.value}{caught.value!r}{caught.value.__cause__!r}{caught.value.__context__!r}"
    assert SECRET not in text
    assert "token-" not in text
    return caught.value


async def test_a_token_is_asked_for_as_the_standard_says_and_used_until_it_ends(source: Source, server: Server) -> None:
    """The client's id and secret are in the form; the scope is the one that the API wants."""
    for _ in range(3):
        await source.snapshot()
    assert server.asked == ["token", *["bearer token-1"] * 3]
    asked = server.vendor.asked[0]
    assert (asked.method, asked.headers["Content-Type"]) == ("POST", "application/x-www-form-urlencoded")
    assert parse_qs(asked.body.decode(), strict_parsing=True) == {
        "grant_type": ["client_credentials"],
        "client_id": ["acme & co"],
        "client_secret": [SECRET],
        "scope": ["stats"],
    }
    assert "Authorization" not in asked.headers


@pytest.mark.parametrize(
    ("life", "good_for"),
    [(7200, 7200 - 60), (100, 90), ("7200", 7200 - 60), (0.5, 0.45)],
    ids=["two hours", "a hundred seconds", "as text", "half a second"],
)
async def test_a_token_is_renewed_before_it_ends(
    source: Source, server: Server, clock: Skipping, life: object, good_for: float
) -> None:
    """A minute before, or a tenth of its life if that is less."""
    server.life = life
    await source.snapshot()
    clock.ahead += good_for - 0.3
    await source.snapshot()
    clock.ahead += 0.4
    await source.snapshot()
    assert server.asked == ["token", "bearer token-1", "bearer token-1", "token", "bearer token-2"]


@pytest.mark.parametrize("life", [None, "for ever"])
async def test_a_token_whose_end_is_not_told_is_used_until_it_is_refused(
    source: Source, server: Server, clock: Skipping, life: object
) -> None:
    """The standard only recommends to tell it."""
    server.life = life
    await source.snapshot()
    clock.ahead += 1e7
    await source.snapshot()
    assert server.asked == ["token", "bearer token-1", "bearer token-1"]


async def test_a_token_that_was_good_and_is_refused_is_renewed_in_the_same_poll(source: Source, server: Server) -> None:
    """The vendor may end tokens early; nobody notices."""
    await source.snapshot()
    server.good.clear()
    assert len((await source.snapshot()).agents) == 2
    assert server.asked == ["token", "bearer token-1", "bearer token-1", "token", "bearer token-2"]


async def test_a_new_token_that_is_refused_ends_the_poll_and_is_not_used_again(source: Source, server: Server) -> None:
    """One renewal a poll: a client that may not ask must not hammer the server of tokens."""
    await source.snapshot()
    server.good.clear()
    server.worthless = True
    assert (await refusal(source)).outcome == "auth_failed"
    assert server.asked == ["token", "bearer token-1", "bearer token-1", "token", "bearer token-2"]
    assert (await refusal(source)).outcome == "auth_failed"
    assert server.asked[5:] == ["token", "bearer token-3"]
    server.worthless = False
    await source.snapshot()
    assert server.asked[7:] == ["token", "bearer token-4"]


async def test_a_server_that_issues_the_same_token_again_and_again_is_asked_once_a_poll(
    source: Source, server: Server
) -> None:
    """Even if that token was good once."""
    await source.snapshot()
    server.good.clear()
    server.answer = lambda _: web.json_response({"access_token": "token-1", "token_type": "bearer"})
    assert (await refusal(source)).outcome == "auth_failed"
    assert server.asked[2:] == ["bearer token-1", "token", "bearer token-1"]


async def test_however_many_need_a_token_one_is_asked_for(source: Source, server: Server) -> None:
    """One renewal at a time; the others wait for it."""
    await asyncio.gather(*(source.agent("002") for _ in range(5)))
    assert server.asked.count("token") == 1


REFUSED = [
    (lambda _: web.json_response({"error": "invalid_client"}, status=401), "auth_failed", "check token_url, client_id"),
    (lambda _: web.json_response({"error": "invalid_scope"}, status=400), "auth_failed", "check token_url, client_id"),
    (lambda _: web.json_response({}, status=403), "auth_failed", "check token_url, client_id"),
    (lambda _: web.json_response({}, status=404), "not_found", "check token_url"),
    (lambda _: web.json_response({}, status=429, headers={"Retry-After": "7"}), "rate_limited", "poll less often"),
    (lambda _: web.json_response({}, status=503), "server_busy", "pauses"),
    (lambda _: web.json_response({}, status=302, headers={"Location": "/login"}), "redirected", "never followed"),
    (lambda _: web.Response(text="<html>token-1", content_type="text/html"), "wrong_type", "login page"),
    (lambda _: web.json_response({"token": "token-1"}), "invalid_body", r"/oauth/token: \$.access_token: is missing"),
    (lambda _: web.json_response({"access_token": 1}), "invalid_body", r"\$.access_token: Expected `str`"),
    (lambda _: web.json_response(["token-1"]), "invalid_body", "Expected `object`"),
    (
        lambda _: web.json_response({"access_token": "token-1", "token_type": "mac"}),
        "invalid_body",
        r"\$.token_type: is not bearer",
    ),
    (lambda _: web.json_response({"access_token": "token-1\r\nX: y"}), "invalid_body", "that a request can carry"),
    (lambda _: web.Response(body=json.dumps("token-1" * 99_999), content_type="text/json"), "too_large", "limit"),
]


@pytest.mark.parametrize(("respond", "outcome", "words"), REFUSED)
async def test_a_poll_without_a_token_fails_with_the_reason(
    source: Source, server: Server, respond: Respond, outcome: str, words: str
) -> None:
    """And with advice about the client, not about the API; the next poll asks anew."""
    server.answer = respond
    error = await refusal(source)
    assert error.outcome == outcome
    with pytest.raises(PollError, match=words):
        raise error
    server.answer = server.issue
    assert len((await source.snapshot()).agents) == 2


async def test_a_secret_that_cannot_be_read_asks_nobody(
    source: Source, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read when a token is needed, so a rotated one counts from the next token on."""
    monkeypatch.delenv("CLIENT_SECRET")
    assert (await refusal(source)).outcome == "secret_unreadable"
    assert server.asked == []
    monkeypatch.setenv("CLIENT_SECRET", "rotated")
    await source.snapshot()
    assert parse_qs(server.vendor.asked[0].body.decode())["client_secret"] == ["rotated"]


async def test_the_token_is_asked_for_within_the_polls_time(source: Source, server: Server) -> None:
    """One timeout for all of a poll's requests."""

    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    server.vendor.respond = never
    began = SystemClock().monotonic()
    error = await refusal(source)
    assert error.outcome == "timeout"
    assert SystemClock().monotonic() - began < 20
