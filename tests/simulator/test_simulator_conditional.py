"""Compression, and answers that a client has already."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from tests.simulator.conftest import TENANT, Client, by_hand
from tests.simulator.readers import READERS

TAGGED = ["8x8-agent-status", "8x8-realtime-stats json", "8x8-realtime-stats xml"]
LUNCH = {"agent-status": 3, "status-code-list-id": 801, "status-code-item-id": 1725}


async def ask(client: Client, reader: str, **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
    async with client.ask(READERS[reader].path, headers={**READERS[reader].headers, **headers}) as response:
        return response, await response.read()


@pytest.mark.parametrize("reader", TAGGED)
async def test_a_client_that_has_the_answer_gets_none(http: Any, reader: str) -> None:
    """304 without a body until something changes; each is counted."""
    async with by_hand(http, stats_cache=0) as (client, clock, simulation):
        simulation.freeze()
        response, body = await ask(client, reader)
        tag = response.headers["ETag"]
        assert body
        for sent in (tag, f'"other", {tag}'):
            response, body = await ask(client, reader, **{"If-None-Match": sent})
            assert (response.status, response.headers["ETag"], body) == (304, tag, b"")
        assert (await client.stats())["tenants"][TENANT]["not_modified"] == 2
        clock.now += 1000
        agent = simulation.ids(TENANT)[0][0].agent
        clock.now += 1000
        await client.control("set", tenant=TENANT, agent=agent, status=LUNCH)
        response, body = await ask(client, reader, **{"If-None-Match": tag})
        assert response.status == 200
        assert response.headers["ETag"] != tag


@pytest.mark.parametrize("reader", READERS)
async def test_tags_can_be_switched_off(http: Any, reader: str) -> None:
    """And APIs that promise none never have one."""
    async with by_hand(http, etags=False) as (client, _, _simulation):
        response, _ = await ask(client, reader)
        assert "ETag" not in response.headers
    async with by_hand(http) as (client, _, _simulation):
        response, _ = await ask(client, reader)
        assert ("ETag" in response.headers) == (reader in TAGGED)


@pytest.mark.parametrize("reader", READERS)
async def test_an_answer_is_compressed_for_those_who_ask(client: Client, reader: str) -> None:
    """And is the same after that."""
    packed, body = await ask(client, reader, **{"Accept-Encoding": "deflate, gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < len(body)
    plain, same = await ask(client, reader, **{"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert READERS[reader].understand(plain, same) == READERS[reader].understand(packed, body)


async def test_compression_can_be_switched_off(http: Any) -> None:
    """For a look at the wire."""
    async with by_hand(http, compression=False) as (client, _, _simulation):
        for reader in READERS:
            response, _ = await ask(client, reader, **{"Accept-Encoding": "gzip"})
            assert "Content-Encoding" not in response.headers
