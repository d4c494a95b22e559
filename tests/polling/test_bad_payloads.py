"""What a vendor may send instead of an answer: generated, over real HTTP, through the real source and a real store."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from streamer.clock import SystemClock
from streamer.config import AgentStatus8x8, LiteralSecret
from streamer.polling.poller import TenantPoller
from streamer.polling.tools import Tools
from streamer.signals import PollFinished, Signal
from streamer.sources.errors import OUTCOMES
from streamer.sources.http import Http
from streamer.sources.registry import make_source
from streamer.store.sqlite import SqliteStore
from tests.support.pollers import poller_on

EXAMPLES: Final = int(os.environ.get("STREAMER_BAD_PAYLOADS", "1000"))
GOOD: Final[list[dict[str, Any]]] = [
    {"agent-id": "ag1", "agent-status": 1, "name": "Ilya Workshard"},
    {"agent-id": "ag2", "agent-status": 5, "status-code-list-id": 801, "status-code-item-id": 1726},
    {"agent-id": "ag3", "agent-status": 4, "agent-sub-status": "none"},
]
FIELDS: Final = ("agent-id", "agent-status", "name", "status-code-list-id", "status-code-item-id", "agent-sub-status")

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inner), max_leaves=12
)


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """Draw a body: rubbish, JSON of any shape, or a good answer with something wrong in it."""
    kind = draw(st.sampled_from(["bytes", "json", "shape", "field", "duplicate", "cut", "flip"]))
    agents = [dict(agent) for agent in GOOD]
    if kind == "bytes":
        return draw(st.binary(max_size=200))
    if kind == "json":
        return json.dumps(draw(anything)).encode()
    if kind == "shape":
        return json.dumps({"data": draw(anything)}).encode()
    if kind == "field":
        draw(st.sampled_from(agents))[draw(st.sampled_from(FIELDS))] = draw(anything)
    if kind == "duplicate":
        agents.append(draw(st.sampled_from(agents)))
    body = orjson.dumps({"data": agents}) if kind != "field" else json.dumps({"data": agents}).encode()
    if kind == "cut":
        return body[: draw(st.integers(0, len(body) - 1))]
    if kind == "flip":
        at = draw(st.integers(0, len(body) - 1))
        return body[:at] + bytes([draw(st.integers(0, 255))]) + body[at + 1 :]
    return body


def is_good(body: bytes) -> bool:
    """Tell, by other means than the product's, whether a body may be a complete answer after all."""
    try:
        agents = json.loads(body.decode("utf-8-sig"))["data"]
        ids = [agent["agent-id"] for agent in agents if isinstance(agent["agent-status"], int | str)]
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return len(ids) == len(agents) == len(set(map(str, ids)))


@dataclass
class Trial:
    """A tenant that was polled once well, and a vendor that from now on answers with `body`."""

    poller: TenantPoller
    outcomes: list[str] = field(default_factory=list)
    body: bytes = b""


@asynccontextmanager
async def trial(folder: Path) -> AsyncIterator[Trial]:
    clock, running = SystemClock(), Trial.__new__(Trial)
    running.outcomes, running.body = [], orjson.dumps({"data": GOOD})

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=running.body, content_type="application/json")

    def observe(signal: Signal) -> None:
        if isinstance(signal, PollFinished):
            running.outcomes.append(signal.outcome)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    store = SqliteStore(path=folder / "streamer.db", retention=86_400_000, clock=clock)
    async with TestServer(app) as server, Http(clock=clock) as http:
        config = AgentStatus8x8(
            id="acme", base_url=str(server.make_url("")).rstrip("/"), username="acme", password=LiteralSecret("x")
        )
        await store.start()
        shard = await store.take_over(0, lambda: True)
        source = make_source(config, http=http, clock=clock)
        running.poller = poller_on(shard, config=config, source=source, tools=Tools(observer=observe))
        await running.poller.poll()
        try:
            yield running
        finally:
            await shard.close()
            await store.stop()


def test_no_bad_answer_changes_anything_or_ends_the_poller(tmp_path: Path) -> None:
    """Each is counted under an outcome that is not ok; state and events stay as they were; polling goes on."""
    with asyncio.Runner() as runner:
        entered = trial(tmp_path)
        running = runner.run(entered.__aenter__())
        before = running.poller.state

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        )
        @given(body=payloads())
        def judge(body: bytes) -> None:
            assume(not is_good(body))
            running.body = body
            runner.run(running.poller.poll())
            assert running.outcomes[-1] in OUTCOMES
            assert running.outcomes[-1] != "internal_error"
            assert running.poller.state is before

        try:
            judge()
            running.body = orjson.dumps({"data": [{**agent, "agent-status": 4} for agent in GOOD]})
            runner.run(running.poller.poll())
            assert running.outcomes[-1] == "ok"
            assert running.poller.state.sequence == before.sequence + 2
            assert len(running.outcomes) >= EXAMPLES + 2
        finally:
            runner.run(entered.__aexit__(None, None, None))
