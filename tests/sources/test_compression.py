"""Compressed bodies, end to end: a server that can compress does, for we ask for it; one that can't need not."""

from __future__ import annotations

import pytest
from aiohttp import web

from tests.sources.conftest import MakeSource
from tests.sources.contract import SourceCase
from tests.sources.vendor import Respond, Vendor, answer


def compressing(good: bytes, *, encodings: list[str | None], etag: str | None = None) -> Respond:
    """Answer as a server does that compresses for who accepts it; note what was chosen for each request."""
    plain = answer(good, headers={"ETag": etag} if etag else {})

    async def respond(request: web.Request) -> web.StreamResponse:
        if etag and request.headers.get("If-None-Match") == etag:
            encodings.append("not modified")
            return web.Response(status=304, headers={"ETag": etag, "Vary": "Accept-Encoding"})
        response = await plain(request)
        response.enable_compression()  # by the request's Accept-Encoding
        await response.prepare(request)
        encodings.append(response.headers.get("Content-Encoding"))
        return response

    return respond


async def test_a_server_that_can_compress_is_let_do_so(case: SourceCase, vendor: Vendor, source_of: MakeSource) -> None:
    """What was sent is smaller, what is read is the same."""
    encodings: list[str | None] = []
    vendor.respond = compressing(case.good, encodings=encodings)
    assert set((await source_of().snapshot()).agents) == case.agents
    assert set(encodings) <= {"gzip", "deflate"}
    assert encodings


@pytest.mark.parametrize("coding", list(web.ContentCoding), ids=lambda coding: coding.value)
async def test_each_coding_that_a_server_may_choose_is_read(
    case: SourceCase, vendor: Vendor, source_of: MakeSource, coding: web.ContentCoding
) -> None:
    """`identity`, the choice of servers that can't compress, among them; and one after the other."""

    async def respond(request: web.Request) -> web.StreamResponse:
        response = await answer(case.good)(request)
        response.enable_compression(coding)
        return response

    vendor.respond = respond
    source = source_of()
    for _ in range(2):
        assert set((await source.snapshot()).agents) == case.agents
    vendor.respond = answer(case.good)
    assert set((await source.snapshot()).agents) == case.agents


async def test_the_limit_of_a_body_counts_what_comes_out_of_it(
    case: SourceCase, vendor: Vendor, source_of: MakeSource
) -> None:
    """A compressed answer as large as the limit once unfolded is read, whatever it was on the wire."""
    vendor.respond = compressing(case.good + b" " * 60_000, encodings=[])
    size = len(case.good) + 60_000
    assert set((await source_of(max_body=size).snapshot()).agents) == case.agents
