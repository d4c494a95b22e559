from __future__ import annotations

import asyncio
import re
import time
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from streamer.service.loop_lag import measure_loop_lag
from streamer.service.metrics import Metrics
from streamer.service.server import AdminServer
from streamer.service.status.routes import TYPES
from streamer.signals import LoopLag, Signal
from tests.support.clock import LoopClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.service.conftest import HandClock

HOST = "127.0.0.1"


async def nothing() -> bytes:
    """Know of no tenant."""
    return b"{}"


class Served:
    """A running server and a client for it."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        """Take the client; `missing` is what the server is told not to be ready."""
        self.missing: dict[str, str] = {}
        self._client = client

    async def get(self, path: str, **headers: str) -> tuple[int, str, str]:
        """Return status, content type and body."""
        async with self._client.get(path, headers=headers) as answer:
            return answer.status, answer.headers["Content-Type"], await answer.text()


@pytest.fixture
async def served(clock: HandClock) -> AsyncIterator[Served]:
    """A server on a free port."""
    registry = CollectorRegistry()
    Metrics(registry=registry, clock=clock, shards=12)
    missing: dict[str, str] = {}
    async with (
        AdminServer(host=HOST, port=0, registry=registry, unready=lambda: missing, status=nothing) as server,
        aiohttp.ClientSession(f"http://{HOST}:{server.port}") as client,
    ):
        found = Served(client)
        found.missing = missing
        yield found


async def test_metrics_are_prometheus_text(served: Served) -> None:
    """A scraper that asks for nothing special gets what Prometheus reads."""
    status, kind, body = await served.get("/metrics")
    assert status == 200
    assert kind.startswith("text/plain; version=")
    assert "streamer_build_info" in {family.name for family in parse_text(body)}


async def test_metrics_are_openmetrics_where_they_are_asked_for(served: Served) -> None:
    """As the `Accept` of a modern Prometheus says; the parser is strict about the end."""
    status, kind, body = await served.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert status == 200
    assert kind.startswith("application/openmetrics-text")
    assert "streamer_polls" in {family.name for family in parse_openmetrics(body)}  # type: ignore[no-untyped-call]


async def test_metrics_are_compressed_where_the_scraper_can_read_it(served: Served) -> None:
    """Thousands of tenants make megabytes of text that shrink to a tenth."""
    async with served._client.get("/metrics", headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert "streamer_build_info" in await answer.text()


async def test_tenants_are_json_that_nobody_keeps(served: Served) -> None:
    """As the report puts them together, compressed where the client can read it."""
    async with served._client.get("/api/v1/tenants", headers={"Accept-Encoding": "gzip"}) as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Encoding"] == "gzip"
        assert await answer.read() == await nothing()


async def test_ready_says_what_is_not_served(served: Served) -> None:
    """An operator reads on the spot which shard is missing and why; then it is ready again."""
    assert await served.get("/readyz") == (200, "text/plain; charset=utf-8", "ok\n")
    served.missing.update({"shard 3": "taking over", "shard 1": "timeout"})
    assert (await served.get("/readyz"))[::2] == (503, "shard 1: timeout\nshard 3: taking over\n")
    served.missing.clear()
    assert (await served.get("/readyz"))[0] == 200


async def test_alive_does_not_depend_on_being_ready(served: Served) -> None:
    """A lost Kafka must not get the process killed: it would not help."""
    served.missing["store"] = "not reached yet"
    assert (await served.get("/livez"))[0] == 200


async def test_the_first_page_is_whole_without_anybody_else(served: Served) -> None:
    """All that it links to is served here, its own files beside the data; and nothing else may run or be loaded."""
    status, kind, body = await served.get("/")
    assert (status, kind) == (200, "text/html; charset=utf-8")
    links = re.findall(r'(?:href|src)="([^"]+)"', body)
    assert {"api/v1/tenants", "metrics", "readyz", "livez", "page/page.css", "page/page.js"} <= set(links)
    assert {(await served.get(f"/{link}"))[0] for link in links} == {200}
    assert {path.name for path in files("streamer.service.status").joinpath("page").iterdir()} == set(TYPES)
    for path in ("/", "/page/page.js", "/api/v1/tenants"):
        async with served._client.get(path) as answer:
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
            assert "unsafe" not in answer.headers["Content-Security-Policy"]


async def test_nothing_but_the_pages_own_files_is_served(served: Served) -> None:
    """No way leads out of their folder."""
    for path in ("/page/", "/page/routes.py", "/page/..%2froutes.py", "/page/%2e%2e/routes.py"):
        assert (await served.get(path))[0] == 404


async def test_an_address_that_is_taken_is_an_error() -> None:
    """The error names the address."""
    given: Any = {"registry": CollectorRegistry(), "unready": dict, "status": nothing}
    async with AdminServer(host=HOST, port=0, **given) as server:
        second = AdminServer(host=HOST, port=server.port, **given)
        with pytest.raises(OSError, match=str(server.port)):
            await second.__aenter__()


async def test_the_lag_of_the_event_loop_is_measured() -> None:
    """A loop that is blocked for a while shows it."""
    told: list[Signal] = []
    measuring = asyncio.create_task(measure_loop_lag(observer=told.append, clock=LoopClock(), every=0.01))
    await asyncio.sleep(0.025)
    time.sleep(0.1)  # noqa: ASYNC251 - blocking the loop is the point
    await asyncio.sleep(0.02)
    measuring.cancel()
    lags = [signal.seconds for signal in told if isinstance(signal, LoopLag)]
    assert min(lags) >= 0
    assert max(lags) > 0.05
