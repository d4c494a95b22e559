"""Every way in which a vendor's HTTP may go wrong, and what each source must make of it.

A situation spoils an answer that would be good. Sources run through all of them: see `contract`.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate

from aiohttp import web

from tests.sources.vendor import Respond, answer, form_of

MAX_BODY = 64 * 1024
"""The limit that contract tests set: far above the fixtures, far below the oversized bodies."""

TIMEOUT_MS = 1000
"""The timeout of situations that run into it."""

NOON = 1_800_000_000
"""What the vendor's clock says, seconds since the epoch: months from ours, in some situations."""

Spoil = Callable[[bytes], Respond]


@dataclass(frozen=True)
class Situation:
    """A spoiled answer, the outcome that it must have, and the pause that the vendor asks for."""

    name: str
    spoil: Spoil
    outcome: str
    retry_after: float | None = None
    runs_into_timeout: bool = False


def status(code: int, **headers: str) -> Spoil:
    """Answer with a status and no good body."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return lambda _: answer(b'{"message": "Padma Othertask"}', status=code, headers=named)


def typed(content_type: str) -> Spoil:
    """Answer well, but as another type."""
    return lambda good: answer(good, content_type=content_type)


def body(change: Callable[[bytes], bytes], **headers: str) -> Spoil:
    """Answer 200 with a changed body."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return lambda good: answer(change(good), headers=named)


def by_hand(respond: Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]) -> Spoil:
    """Let a function write the answer."""

    def spoil(good: bytes) -> Respond:
        return lambda request: respond(request, good)

    return spoil


async def begin(request: web.Request, headers: Mapping[str, str] | None = None) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": f"application/{form_of(request)}", **(headers or {})})
    await response.prepare(request)
    return response


async def no_answer(_: web.Request, good: bytes) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response(body=good)


async def dripping(request: web.Request, good: bytes) -> web.StreamResponse:
    response = await begin(request)
    for byte in good:
        await response.write(bytes([byte]))
        await asyncio.sleep(0.05)
    return response


async def cut_off(request: web.Request, good: bytes, *, chunked: bool, reset: bool) -> web.StreamResponse:
    response = await begin(request, None if chunked else {"Content-Length": str(len(good))})
    await response.write(good[: len(good) // 2])
    await asyncio.sleep(0.02)
    assert request.transport is not None
    (request.transport.abort if reset else request.transport.close)()
    return response


async def hung_up(request: web.Request, good: bytes, *, reset: bool) -> web.StreamResponse:
    assert request.transport is not None
    (request.transport.abort if reset else request.transport.close)()
    return web.Response(body=good)


async def not_http(request: web.Request, good: bytes) -> web.StreamResponse:
    assert isinstance(request.transport, asyncio.WriteTransport)
    request.transport.write(b"220 mail.example Padma Othertask greets you\r\n\r\n")
    request.transport.close()
    return web.Response(body=good)


async def endless(request: web.Request, _: bytes) -> web.StreamResponse:
    response = await begin(request)
    while True:
        await response.write(b" " * 4096)


def too_large(good: bytes) -> bytes:
    return good + b" " * MAX_BODY


def raw_deflate(good: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(good) + packer.flush()


def later(seconds: int) -> str:
    return formatdate(NOON + seconds, usegmt=True)


SITUATIONS = (
    Situation("bad request", status(400), "bad_request"),
    Situation("wrong password", status(401, WWW_Authenticate='Basic realm="8x8"'), "auth_failed"),
    Situation("API not enabled", status(403), "not_enabled"),
    Situation("unknown path", status(404), "not_found"),
    Situation("method not allowed", status(405), "http_error"),
    Situation("gone", status(410), "http_error"),
    Situation("too many requests", status(429), "rate_limited"),
    Situation("too many requests, back in 7 s", status(429, Retry_After="7"), "rate_limited", 7),
    Situation(
        "too many requests, back at a time of the vendor's clock",
        status(429, Retry_After=later(90), Date=later(0)),
        "rate_limited",
        90,
    ),
    Situation("too many requests, back at once", status(429, Retry_After="0"), "rate_limited", 1),
    Situation("too many requests, back tomorrow", status(429, Retry_After="86400"), "rate_limited", 900),
    Situation("too many requests, back some day", status(429, Retry_After="soon"), "rate_limited"),
    Situation("busy", status(503), "server_busy"),
    Situation("busy, back in 20 s", status(503, Retry_After="20"), "server_busy", 20),
    Situation("busy, back at a time long gone", status(503, Retry_After=later(-90), Date=later(0)), "server_busy", 1),
    Situation("internal error", status(500), "server_error"),
    Situation("bad gateway", status(502), "server_error"),
    Situation("gateway timeout", status(504), "server_error"),
    Situation("no content", status(204), "http_error"),
    Situation("multi-status", status(207), "http_error"),
    Situation("part of the content", status(206), "http_error"),
    Situation("moved, without saying where to", status(302), "redirected"),
    Situation("not modified, unasked", status(304), "http_error"),
    Situation("an error page in HTML", lambda _: answer(b"<html>", content_type="text/html"), "wrong_type"),
    Situation("the right body as plain text", typed("text/plain; charset=utf-8"), "wrong_type"),
    Situation("the right body as bytes", typed("application/octet-stream"), "wrong_type"),
    Situation("a content type that is none", typed("json"), "wrong_type"),
    Situation("HTML that claims to be the right type", body(lambda _: b"\n <html>Padma</html>"), "invalid_body"),
    Situation("empty body", body(lambda _: b""), "invalid_body"),
    Situation("blank body", body(lambda _: b" \n" * 99), "invalid_body"),
    Situation("half of the body, as if whole", body(lambda good: good[: len(good) // 2]), "invalid_body"),
    Situation("body twice", body(lambda good: good + good), "invalid_body"),
    Situation(
        "not UTF-8", body(lambda good: good[: len(good) // 2] + b"\xff" + good[len(good) // 2 :]), "invalid_body"
    ),
    Situation("NaN", body(lambda _: b"NaN"), "invalid_body"),
    Situation("nested too deeply", body(lambda _: b"[" * 30_000 + b"]" * 30_000), "invalid_body"),
    Situation("announces too much", body(too_large), "too_large"),
    Situation("goes on and on", by_hand(endless), "too_large"),
    Situation("gzip bomb", body(lambda _: gzip.compress(bytes(2**24)), Content_Encoding="gzip"), "too_large"),
    Situation("deflate bomb", body(lambda _: zlib.compress(bytes(2**24)), Content_Encoding="deflate"), "too_large"),
    Situation("gzip cut short", body(lambda good: gzip.compress(good)[:-9], Content_Encoding="gzip"), "truncated"),
    Situation("not gzip as it says", body(lambda good: good, Content_Encoding="gzip"), "invalid_body"),
    Situation("an encoding nobody asked for", body(lambda good: good, Content_Encoding="br"), "wrong_type"),
    Situation("from a cache, two days old", body(lambda good: good, Age="172800"), "stale"),
    Situation("a field of the head is too long", status(200, X_Long="x" * 9000), "http_error"),
    Situation(
        "connection closed inside the body",
        by_hand(lambda request, good: cut_off(request, good, chunked=False, reset=False)),
        "truncated",
    ),
    Situation(
        "connection closed inside a chunked body",
        by_hand(lambda request, good: cut_off(request, good, chunked=True, reset=False)),
        "truncated",
    ),
    Situation(
        "connection reset inside the body",
        by_hand(lambda request, good: cut_off(request, good, chunked=False, reset=True)),
        "truncated",
    ),
    Situation(
        "connection closed before an answer",
        by_hand(lambda request, good: hung_up(request, good, reset=False)),
        "unreachable",
    ),
    Situation(
        "connection reset before an answer",
        by_hand(lambda request, good: hung_up(request, good, reset=True)),
        "unreachable",
    ),
    Situation("another protocol", by_hand(not_http), "http_error"),
    Situation("no answer in time", by_hand(no_answer), "timeout", runs_into_timeout=True),
    Situation("a body that drips", by_hand(dripping), "timeout", runs_into_timeout=True),
)

HARMLESS = (
    Situation("as it is", body(lambda good: good), "ok"),
    Situation("with a byte order mark", body(lambda good: b"\xef\xbb\xbf" + good), "ok"),
    Situation("gzip", body(gzip.compress, Content_Encoding="gzip"), "ok"),
    Situation("gzip by its old name", body(gzip.compress, Content_Encoding="x-gzip"), "ok"),
    Situation(
        "gzip in two members",
        body(lambda good: gzip.compress(good[:9]) + gzip.compress(good[9:]), Content_Encoding="gzip"),
        "ok",
    ),
    Situation("deflate", body(zlib.compress, Content_Encoding="deflate"), "ok"),
    Situation("deflate without its envelope", body(raw_deflate, Content_Encoding="deflate"), "ok"),
    Situation("a vendor's own type", typed("application/vnd.vendor.v3+{form}"), "ok"),
    Situation("another charset than it has", typed("Application/{form};charset=ISO-8859-1"), "ok"),
    Situation("with a cookie", body(lambda good: good, Set_Cookie="session=of-one-tenant; Path=/"), "ok"),
)
