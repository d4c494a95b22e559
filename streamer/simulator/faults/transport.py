"""Faults on the way: answers that are cut off, too slow, too large, or never come."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import Iterator

from aiohttp import web

from streamer.simulator.faults.call import Call, Effect, Kind, seconds

MIB = 1024 * 1024
MAX_SECONDS = 3600
PIECES = 20
"""A dripping answer comes in so many pieces."""


async def truncated(call: Call) -> web.StreamResponse:
    """Content-Length promises the whole body; half of it comes, then the connection ends."""
    body = call.body()
    response = await _begin(call, length=len(body))
    await response.write(body[: len(body) // 2])
    if call.request.transport is not None:
        call.request.transport.close()
    return response


async def reset(call: Call) -> web.StreamResponse:
    """The connection is reset (TCP RST) before any answer."""
    transport = call.request.transport
    if transport is not None:
        peer = transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    await asyncio.sleep(1)  # the lost connection cancels this handler
    return web.Response()


async def slow(call: Call) -> web.StreamResponse:
    """A good answer, as of now, that is sent only after the argument's seconds."""
    response = call.ok()
    await asyncio.sleep(float(call.argument))
    return response


async def drip(call: Call) -> web.StreamResponse:
    """A good answer in small pieces, spread over the argument's seconds."""
    body = call.body()
    response = await _begin(call, length=len(body))
    size = max(1, -(-len(body) // PIECES))
    for start in range(0, len(body), size):
        await response.write(body[start : start + size])
        await asyncio.sleep(float(call.argument) / PIECES)
    return response


async def compressed(call: Call) -> web.StreamResponse:
    """Answer well, with Content-Encoding: gzip, asked for or not."""
    response = call.ok()
    if response.body:
        response.enable_compression(web.ContentCoding.gzip)
    return response


async def oversize(call: Call) -> web.StreamResponse:
    """A body of at least the argument's bytes, its length not announced; read whole, it is a good answer."""
    response = await _begin(call)
    for piece in _padded(call):
        await response.write(piece)
    return response


async def gzip_bomb(call: Call) -> web.StreamResponse:
    """As `oversize`, compressed to about a thousandth."""
    response = await _begin(call, encoding="gzip")
    packer = zlib.compressobj(wbits=31)
    for piece in _padded(call):
        await response.write(packer.compress(piece))
        await asyncio.sleep(0)
    await response.write(packer.flush())
    return response


async def _begin(call: Call, *, length: int | None = None, encoding: str | None = None) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_type = call.content.format.media_type
    response.content_length = length
    if encoding:
        response.headers["Content-Encoding"] = encoding
    await response.prepare(call.request)
    return response


def _padded(call: Call) -> Iterator[bytes]:
    """The right body behind blanks, which JSON and XML ignore."""
    left = int(call.argument)
    while left > 0:
        yield b" " * min(left, MIB)
        left -= MIB
    yield call.body()


TRANSPORT: dict[str, Kind] = {
    "truncated": Kind(Effect.FAILS, "half of the promised body, then the connection ends", truncated),
    "reset": Kind(Effect.FAILS, "the connection is reset instead of an answer", reset),
    "oversize": Kind(Effect.FAILS, "a body of at least the argument's bytes", oversize, str(20 * MIB), int),
    "gzip-bomb": Kind(Effect.FAILS, "the same, gzip-compressed", gzip_bomb, str(64 * MIB), int),
    "slow": Kind(Effect.HARMLESS, "a good answer after the argument's seconds", slow, "10", seconds(MAX_SECONDS)),
    "drip": Kind(Effect.HARMLESS, "a good answer spread over the argument's seconds", drip, "30", seconds(MAX_SECONDS)),
    "gzip": Kind(Effect.HARMLESS, "a good answer, gzip-compressed", compressed),
}
