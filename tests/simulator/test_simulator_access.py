"""Who may ask, of each vendor."""

from __future__ import annotations

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.simulator import SHARED_PASSWORD, token_of
from streamer.simulator.access import Tokens
from tests.simulator.conftest import TENANT, Client, by_hand
from tests.simulator.readers import BEARER, MEDIA_TYPE, READERS

VONAGE = READERS["vonage-agent-status"]
BASIC = aiohttp.encode_basic_auth


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "authorization",
    ["", "Basic", "Basic !", "Bearer", "Bearer token-", "Bearer token-sim-002x", "Bearer token-sim-999", "Bearer a.1.b",
     BASIC(TENANT, "token-sim-002"), BASIC("sim-999", SHARED_PASSWORD), "Basic \xff", "Bearer \xff.\xff.\xff"],
)  # fmt: skip
async def test_strangers_see_nothing(client: Client, reader: str, authorization: str) -> None:
    """401 with a challenge; 8x8's statistics say 403, as their document does."""
    headers = {**READERS[reader].headers, "Authorization": authorization}
    async with client.ask(READERS[reader].path, headers=headers) as response:
        assert response.status == (403 if READERS[reader].source == "8x8-realtime-stats" else 401)
        assert ("WWW-Authenticate" in response.headers) == (response.status == 401)
    assert (await client.stats())["manners"]["unauthorized"] == 1


async def issue(client: Client, **form: str) -> tuple[int, dict[str, object]]:
    fields = {"grant_type": "client_credentials", "client_id": TENANT, "client_secret": token_of(TENANT), **form}
    async with client.http.post(f"{client.base_url}/oauth/token", data=fields) as response:
        assert response.headers["Cache-Control"] == "no-store"
        return response.status, await response.json()


async def vonage_status(client: Client, token: object) -> int:
    headers = {"Authorization": f"bearer {token}", "Accept": MEDIA_TYPE}
    async with client.ask(VONAGE.path, headers=headers) as response:
        status: int = response.status
        return status


async def test_an_issued_token_is_good_for_its_life(http: aiohttp.ClientSession) -> None:
    """To the millisecond, and then refused as invalid."""
    async with by_hand(http, token_life=5) as (client, clock, _):
        status, answer = await issue(client)
        assert (status, answer["token_type"], answer["expires_in"]) == (200, "bearer", 5)
        clock.now += 4999
        assert await vonage_status(client, answer["access_token"]) == 200
        clock.now += 1
        assert await vonage_status(client, answer["access_token"]) == 401
        assert (await client.stats())["tenants"][TENANT]["tokens"] == 1


async def test_the_client_may_say_who_it_is_in_a_header(client: Client) -> None:
    """RFC 6749, 2.3.1: Basic is what every server must take."""
    fields = {"grant_type": "client_credentials"}
    headers = {"Authorization": BASIC(TENANT, SHARED_PASSWORD)}
    async with client.http.post(f"{client.base_url}/oauth/token", data=fields, headers=headers) as response:
        assert await vonage_status(client, (await response.json())["access_token"]) == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "sim-999", "client_secret": SHARED_PASSWORD}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
async def test_no_token_is_issued_to_whom_none_is_due(
    client: Client, form: dict[str, str], status: int, error: str
) -> None:
    """The errors of RFC 6749, 5.2."""
    assert await issue(client, **form) == (status, {"error": error})
    assert (await client.stats())["tenants"][TENANT]["tokens"] == 0


@given(token=st.text() | st.from_regex(r"sim-001\.[0-9]{1,20}\.[0-9a-f]{32}"))
def test_no_token_can_be_made_up(token: str) -> None:
    """Without the key, whatever is written is nobody's."""
    assert Tokens(seed=1, life=10).tenant(token, now=0) is None


async def test_a_fixed_token_does_not_end(http: aiohttp.ClientSession) -> None:
    """The tenant's own, `token-<tenant>`."""
    async with by_hand(http) as (client, clock, simulation):
        simulation.freeze()
        clock.now += 10**12
        async with client.ask(VONAGE.path, headers=BEARER) as response:
            assert response.status == 200
