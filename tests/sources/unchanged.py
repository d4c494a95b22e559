"""Every way to answer a conditional request with "not modified", and which sources ask conditionally."""

from __future__ import annotations

import asyncio

from aiohttp import web

from tests.sources.situations import MAX_BODY, Situation, Spoil, by_hand, status

CONDITIONAL = frozenset({"8x8-agent-status", "8x8-realtime-stats"})
"""The sources that ask for all agents with the validators of the last answer."""


def raw(head: str, stray: bytes = b"") -> Spoil:
    """Answer 304 with this head, byte for byte, and with bytes after it that should not be there; then hang up."""

    async def respond(request: web.Request, good: bytes) -> web.StreamResponse:
        assert isinstance(request.transport, asyncio.WriteTransport)
        lines = head.replace("LENGTH", str(len(good)))
        request.transport.write(f"HTTP/1.1 304 Not Modified\r\n{lines}\r\n".encode() + stray)
        await asyncio.sleep(0.02)
        request.transport.close()
        return web.Response()

    return by_hand(respond)


CHUNKS = b"5\r\nPadma\r\n0\r\n\r\n"

UNCHANGED = (
    Situation("and no more", status(304), "ok"),
    Situation("with the tag once more", status(304, ETag='"v1"'), "ok"),
    Situation("with the tag as a weak one", status(304, ETag='W/"v1"'), "ok"),
    Situation("from a cache, some seconds old", status(304, Age="7"), "ok"),
    Situation("with the length of the body that is left out", raw("Content-Length: LENGTH\r\n"), "ok"),
    Situation("with a length above the limit", raw(f"Content-Length: {2 * MAX_BODY}\r\n"), "ok"),
    Situation("with a type and an encoding", raw("Content-Type: text/html\r\nContent-Encoding: br\r\n"), "ok"),
)
"""Answers to a conditional request after which the agents of the last good answer hold."""

BROKEN = (
    Situation("a 304 with a body", raw("Content-Length: 5\r\n", b"Padma"), "http_error"),
    Situation("a 304 with a body in chunks", raw("Transfer-Encoding: chunked\r\n", CHUNKS), "http_error"),
    Situation("precondition failed", status(412), "http_error"),
    Situation("bad request", status(400), "bad_request"),
    Situation("internal error", status(500), "server_error"),
)
"""Answers of servers that can't do with a condition, though they offered the tag for it."""
