"""Each fault as a real HTTP client meets it."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import time
import xml.etree.ElementTree as ET
from email.utils import parsedate_to_datetime

import aiohttp
import pytest

from streamer.simulator import SimulatorServer
from streamer.simulator.faults import KINDS, Effect
from streamer.simulator.faults.behind import BEHIND
from tests.simulator.conftest import TENANT, Client
from tests.simulator.readers import READERS, NoSnapshotError

ARGUMENTS = {
    "slow": "0.1",
    "drip": "0.2",
    "body": base64.urlsafe_b64encode(b'{"data":7}').decode(),
    "oversize": str(3 * 1024 * 1024),
    "gzip-bomb": str(3 * 1024 * 1024),
}

CASES = [
    (name, reader)
    for name, kind in KINDS.items()
    for reader in READERS
    if name not in BEHIND and kind.only in (None, READERS[reader].source)
]


@pytest.mark.parametrize(("name", "reader"), CASES)
async def test_every_fault_has_the_effect_it_claims(client: Client, name: str, reader: str) -> None:
    """For every API: harmless ones leave the data right, failing ones are no snapshot, lying ones look like one."""
    true_agents = await READERS[reader].read(client)
    await client.control("faults", faults=f"{name}:1:{ARGUMENTS.get(name, '')}")
    try:
        agents = await READERS[reader].read(client)
    except (NoSnapshotError, aiohttp.ClientError, ValueError, KeyError, TypeError, ET.ParseError):
        effect = Effect.FAILS
    else:
        effect = Effect.HARMLESS if agents == true_agents else Effect.LIES
    assert len(true_agents) == 40
    assert effect is KINDS[name].effect
    assert list((await client.stats())["tenants"][TENANT]["faults"]) == [name]


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.only is None])
async def test_no_fault_breaks_the_simulator_on_a_single_agent(client: Client, name: str) -> None:
    """A request for one agent meets every fault too; the next one is answered well."""
    item = (await client.agents())[0]
    await client.control("faults", faults=f"{name}:1:{ARGUMENTS.get(name, '')}")
    try:
        async with client.get(agent=item["agent-id"]) as response:
            await response.read()
            assert response.status != 500 or name == "500"
    except aiohttp.ClientError:
        assert KINDS[name].effect is Effect.FAILS
    await client.control("faults", faults="")
    async with client.get(agent=item["agent-id"]) as response:
        assert await response.json() == item


async def answer_to(client: Client, fault: str) -> tuple[aiohttp.ClientResponse, bytes]:
    await client.control("faults", faults=fault)
    async with client.get() as response:
        return response, await response.read()


@pytest.mark.parametrize("code", ["400", "401", "403", "404", "429", "500", "502", "503", "504"])
async def test_a_status_code_comes_with_an_explanation(client: Client, code: str) -> None:
    """As JSON, without Retry-After where none is asked for; 401 has its challenge, 403 says what is not enabled."""
    response, body = await answer_to(client, code)
    assert response.status == int(code)
    assert json.loads(body)["status"] == int(code)
    assert "Retry-After" not in response.headers
    assert ("WWW-Authenticate" in response.headers) == (code == "401")
    assert ("not enabled" in json.loads(body)["message"]) == (code == "403")


@pytest.mark.parametrize("code", ["429", "503"])
async def test_retry_after_comes_in_seconds_as_a_date_or_as_anything(client: Client, code: str) -> None:
    """Both forms of RFC 9110, and what neither is."""
    response, _ = await answer_to(client, f"{code}:1:7")
    assert response.headers["Retry-After"] == "7"
    response, _ = await answer_to(client, f"{code}:1:date+90")
    assert response.headers["Retry-After"].endswith(" GMT")
    assert parsedate_to_datetime(response.headers["Retry-After"]).timestamp() - time.time() == pytest.approx(90, abs=5)
    response, _ = await answer_to(client, f"{code}:1:soon")
    assert response.headers["Retry-After"] == "soon"


async def test_a_redirect_leads_elsewhere_and_arrivals_are_counted(client: Client) -> None:
    """To another host name of this simulator, or to the argument; who follows is found out, and with what."""
    response, _ = await answer_to(client, "redirect:1:https://elsewhere.example/a%2Cb")
    assert (response.status, response.headers["Location"]) == (302, "https://elsewhere.example/a%2Cb")
    response, _ = await answer_to(client, "redirect")
    assert response.url.host == "127.0.0.1"
    assert response.headers["Location"].startswith("http://localhost:")
    assert (await client.stats())["manners"]["redirects_followed"] == 0
    async with client.http.get(client.base_url + "/_simulator/elsewhere", headers={"Authorization": "Basic eDp5"}):
        pass
    manners = (await client.stats())["manners"]
    assert (manners["redirects_followed"], manners["redirected_credentials"]) == (1, 1)


async def test_a_cookie_that_crosses_tenants_is_counted(simulator: SimulatorServer, client: Client) -> None:
    """A client with a cookie jar gives itself away; one without sends none."""
    await client.control("faults", faults="set-cookie")
    async with client.get() as response:
        assert response.cookies["session"].value == TENANT
    await client.agents("sim-002")
    assert (await client.stats())["manners"]["cookies"] == 0
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as leaky:
        careless = Client(leaky, simulator.base_url)
        for tenant in ("sim-001", "sim-001", "sim-002"):
            await careless.agents(tenant)
    manners = (await client.stats())["manners"]
    assert (manners["cookies"], manners["foreign_cookies"]) == (2, 1)


async def test_a_truncated_body_promises_more_than_comes(client: Client) -> None:
    """Content-Length is that of the whole."""
    _, whole = await answer_to(client, "")
    await client.control("faults", faults="truncated")
    async with client.get() as response:
        assert int(response.headers["Content-Length"]) == len(whole)
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_a_reset_connection_is_a_reset(client: Client) -> None:
    """Not a polite end: the client's operating system sees RST."""
    await client.control("faults", faults="reset")
    with pytest.raises(aiohttp.ClientOSError) as caught:
        await answer_to(client, "reset")
    assert isinstance(caught.value, ConnectionResetError) or caught.value.errno == 104


async def test_an_oversize_body_does_not_announce_its_length(client: Client) -> None:
    """Only counting while reading stops it; read whole it is the good answer."""
    _, whole = await answer_to(client, "")
    response, body = await answer_to(client, "oversize:1:100000")
    assert "Content-Length" not in response.headers
    assert len(body) == 100_000 + len(whole)
    assert json.loads(body) == json.loads(whole)


async def test_a_gzip_bomb_is_small_until_decompressed(client: Client) -> None:
    """Counting the bytes of the wire does not stop it."""
    await client.control("faults", faults="gzip-bomb:1:5000000")
    async with aiohttp.ClientSession(auto_decompress=False) as raw, Client(raw, client.base_url).get() as response:
        wire = await response.read()
    assert response.headers["Content-Encoding"] == "gzip"
    assert len(wire) < 50_000
    assert len(gzip.decompress(wire)) > 5_000_000


async def test_a_slow_answer_shows_the_moment_it_was_asked_in(client: Client) -> None:
    """It is rendered at once and only sent later: as old as a slow vendor's."""
    before = await client.agents()
    await client.control("faults", faults="slow:1:0.3")
    started = time.monotonic()
    asking = asyncio.create_task(client.agents())
    await asyncio.sleep(0.1)
    await client.control("set", tenant=TENANT, agent=before[0]["agent-id"], status=None)
    assert await asking == before
    assert time.monotonic() - started >= 0.3


async def test_a_dripping_body_comes_in_pieces(client: Client) -> None:
    """There is always something to read, and the whole takes its time."""
    await client.control("faults", faults="drip:1:0.4")
    started = time.monotonic()
    async with client.get() as response:
        first = time.monotonic() - started
        pieces = [piece async for piece in response.content.iter_any()]
    whole = time.monotonic() - started
    assert first < whole / 2
    assert len(pieces) > 5
    assert whole >= 0.3


async def test_half_of_the_agents_are_missing(client: Client) -> None:
    """Others each time, so that an agent's absence does not last."""
    first = json.loads((await answer_to(client, "half-missing"))[1])["data"]
    second = json.loads((await answer_to(client, "half-missing"))[1])["data"]
    assert len(first) == len(second) == 20
    assert first != second


async def test_an_unknown_status_is_the_argument(client: Client) -> None:
    """One agent has it, all others keep theirs."""
    before = await client.agents()
    after = json.loads((await answer_to(client, "unknown-status:1:77"))[1])["data"]
    differing = [new for old, new in zip(before, after, strict=True) if old != new]
    assert [item["agent-status"] for item in differing] == [77]


async def test_the_body_fault_answers_with_any_bytes(client: Client) -> None:
    """For payloads that no list of faults foresees."""
    payload = bytes(range(256))
    response, body = await answer_to(client, f"body:1:{base64.urlsafe_b64encode(payload).decode()}")
    assert (response.status, response.content_type, body) == (200, "application/json", payload)


async def test_a_fault_of_one_tenant_leaves_the_others_alone(client: Client) -> None:
    """Faults are per tenant where one is named."""
    await client.control("faults", tenant="sim-002", faults="500")
    assert await client.agents("sim-001")
    async with client.get(tenant="sim-002") as response:
        assert response.status == 500


async def test_a_fetched_entity_is_counted(client: Client) -> None:
    """The entity lies with this simulator, or where the argument says; who resolves it is found out."""
    _, body = await answer_to(client, "xml-entity:1:https://elsewhere.example/x")
    assert b'SYSTEM "https://elsewhere.example/x"' in body
    _, body = await answer_to(client, "xml-entity")
    target = body.decode().partition('SYSTEM "')[2].partition('"')[0]
    assert (await client.stats())["manners"]["entities_fetched"] == 0
    async with client.http.get(target) as response:
        assert response.status == 200
    assert (await client.stats())["manners"]["entities_fetched"] == 1
