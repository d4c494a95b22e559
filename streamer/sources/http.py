"""HTTP manners that all sources share: one request within a deadline, its answer whole or an error with a name.

No redirect is followed and no cookie kept: a session is shared by tenants whose credentials must not meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal

import aiohttp
from msgspec import Struct
from yarl import URL

from streamer import __version__
from streamer.clock import Clock
from streamer.model import Millis, Window
from streamer.sources.body import ACCEPT_ENCODING, Body
from streamer.sources.connection_failures import connection_failure
from streamer.sources.errors import Outcome, PollError
from streamer.sources.http_fields import cached_for, http_date, is_media_type, retry_after
from streamer.sources.pace import Pace
from streamer.sources.resolver import Resolver
from streamer.sources.validators import NONE, Validators

if TYPE_CHECKING:
    from typing import Self

OK: Final = 200
NOT_MODIFIED: Final = 304

PIECE: Final = 64 * 1024
OLDEST: Final[Millis] = 3_600_000
"""An answer that lay in a cache for longer says nothing of now."""

OUTCOME_OF_STATUS: Final[Mapping[int, Outcome]] = {
    400: "bad_request",
    401: "auth_failed",
    403: "not_enabled",
    404: "not_found",
    429: "rate_limited",
    503: "server_busy",
}
REDIRECTS: Final = frozenset({300, 301, 302, 303, 307, 308})


class Refusal(Struct, frozen=True):
    """What a status other than 200 means in one vendor's API, and what to do then."""

    outcome: Outcome
    advice: str


class Request(Struct, frozen=True, kw_only=True):
    """One request. `headers` hold the tenant's credentials, so a request's text form leaves them out.

    `max_body` is the largest answer in bytes, on the wire and decompressed; `format` is what the answer must be.
    `refusals` overrules, by status, what a refusal means. With `validators` only a body that differs from the one they
    came with is asked for; see `conditional`.
    """

    url: URL
    headers: Mapping[str, str]
    max_body: int
    method: str = "GET"
    format: Literal["json", "xml"] = "json"
    content: bytes | None = None
    refusals: Mapping[int, Refusal] = {}
    validators: Validators = NONE

    def __repr__(self) -> str:
        return f"<Request {self.place}>"

    @property
    def place(self) -> str:
        """Method, host and path: what errors call this request."""
        return f"{self.method} {self.url.host_port_subcomponent}{self.url.raw_path}"


class Answer(Struct, frozen=True, kw_only=True):
    """A complete answer with status 200, its body decompressed; or 304 "not modified", without a body.

    `window` reaches from before the request was first sent (aiohttp re-sends a GET once when a kept connection turns
    out dead) to the body's last byte, in our clock; its start is earlier by the answer's `Age`. `date` is the answer's
    `Date`. `headers` ignore case. Only a request with validators gets a 304.
    """

    body: bytes
    content_type: str
    headers: Mapping[str, str]
    window: Window
    date: Millis | None
    status: int = 200


class Http:
    """The process's one HTTP client, for all tenants: `async with Http(clock=clock) as http`.

    A source gets it `paced`: bound to its tenant's rate, so that none of its requests can pass that by.
    """

    def __init__(self, *, clock: Clock) -> None:
        """Take the clocks; connections are made from `__aenter__` on."""
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self._pace = Pace(rate=None, clock=clock)

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=256, limit_per_host=16, resolver=Resolver(), ttl_dns_cache=60, keepalive_timeout=12
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(),  # none: each request brings its own deadline
            headers={
                "User-Agent": f"agent-status-streamer/{__version__}",
                "Accept-Encoding": ACCEPT_ENCODING,
                "Cache-Control": "no-cache",
            },
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def paced(self, pace: Pace) -> Http:
        """Return this client, now that it is open, for one tenant: each request waits for its turn first."""
        tenants = Http(clock=self._clock)
        tenants._session, tenants._pace = self._session, pace
        return tenants

    async def fetch(self, request: Request, *, deadline: float) -> Answer:
        """Send one request and take in its answer before `deadline`, in monotonic seconds.

        Raises:
            PollError: anything but a complete answer of the right type with status 200, or a 304 where asked for.

        """
        body = Body(place=request.place, limit=request.max_body)
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(max(0.0, deadline - began)):
                await self._pace.turn(place=request.place, deadline=deadline)
                return await self._exchange(request, body)
        except TimeoutError as error:
            took = round((self._clock.monotonic() - began) * 1000)
            progress = f"{body.received} bytes of a body" if body.received else "nothing"
            raise PollError("timeout", f"{request.place}: {progress} in {took} ms, then time was up") from error
        except aiohttp.ClientError as error:
            raise _failure(request, body, error) from None  # its text may hold what the server sent
        except UnicodeError as error:  # from the resolver's IDNA encoding
            raise PollError("unreachable", f"{request.place}: no such host can exist") from error

    async def _exchange(self, request: Request, body: Body) -> Answer:
        if self._session is None:
            raise RuntimeError("Http must be entered before it is used: async with Http(...) as http")
        start = self._clock.wall()
        async with self._session.request(
            request.method,
            request.url,
            headers={"Accept": f"application/{request.format}", **request.validators.fields, **request.headers},
            data=request.content,
            allow_redirects=False,
        ) as response:
            if response.status != NOT_MODIFIED or not request.validators.fields:
                self._judge(request, response)
                body.announce(length=response.content_length, encoding=response.headers.get("Content-Encoding", ""))
                async for piece in response.content.iter_chunked(PIECE):
                    body.feed(piece)
            return Answer(
                body=body.finish(),
                content_type=response.content_type,
                headers=response.headers,
                window=self._window(request, start, response.headers.get("Age")),
                date=http_date(response.headers.get("Date")),
                status=response.status,
            )

    def _judge(self, request: Request, response: aiohttp.ClientResponse) -> None:
        """Refuse by its head what can't be an answer, without reading on."""
        status, headers = response.status, response.headers
        if status != OK:
            refusal = request.refusals.get(status)
            date = http_date(headers.get("Date"))
            now = self._clock.wall() if date is None else date
            raise PollError(
                refusal.outcome if refusal else _outcome(status),
                f"{request.place}: answers {status}{_elsewhere(response) if status in REDIRECTS else ''}",
                retry_after(headers.get("Retry-After"), now=now),
                advice=refusal.advice if refusal else None,
            )
        media_type = headers.get("Content-Type")
        if media_type is not None and not is_media_type(media_type, request.format):
            raise PollError("wrong_type", f"{request.place}: answers with {media_type[:80]!r}, not {request.format}")

    def _window(self, request: Request, start: Millis, age: str | None) -> Window:
        held = cached_for(age)
        if held > OLDEST:
            raise PollError("stale", f"{request.place}: a cache on the way held the answer for {held // 1000} s (Age)")
        return Window(start=start - held, end=max(start, self._clock.wall()))  # the wall clock may be set back


def _outcome(status: int) -> Outcome:
    if status in REDIRECTS:
        return "redirected"
    return OUTCOME_OF_STATUS.get(status, "server_error" if status >= 500 else "http_error")  # noqa: PLR2004


def _elsewhere(response: aiohttp.ClientResponse) -> str:
    """Name the host that a redirect leads to; the rest of a location may hold a session's secret."""
    try:
        host = URL(response.headers.get("Location", "")).host
    except ValueError:
        host = None
    return f" and leads to host {host}" if host else " and leads elsewhere"


def _failure(request: Request, body: Body, error: aiohttp.ClientError) -> PollError:
    outcome, what = connection_failure(error, received=body.received)
    return PollError(outcome, f"{request.place}: {what}")
