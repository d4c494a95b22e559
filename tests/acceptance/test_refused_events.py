"""What one tenant's data makes impossible is refused before it joins a transaction that others share."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

from streamer.clock import SystemClock
from streamer.config import AgentStatus8x8, KafkaConfig, LiteralSecret
from streamer.events.encode import STATUS_LIMIT
from streamer.polling.tools import Tools
from streamer.signals import AgentsHeld, CommitFinished, Signal
from streamer.sources.http import Http
from streamer.sources.registry import make_source
from streamer.store.kafka import KafkaStore
from tests.support.pollers import poller_on
from tests.support.readers import EVENTS, KafkaReader

HUGE = "x" * (STATUS_LIMIT + 1)


def agents(status: int, **first: object) -> list[dict[str, object]]:
    """Return three agents in one status; the first one with more to say."""
    return [{"agent-id": f"ag{number}", "agent-status": status, **(first if not number else {})} for number in range(3)]


async def test_a_tenant_whose_event_is_refused_harms_nobody_in_its_shard(kafka: str, topic_prefix: str) -> None:
    """The refused agent keeps its stored state; its colleagues and the other tenant go on in the same transactions."""
    clock, signals = SystemClock(), list[Signal]()
    shows: dict[str, list[dict[str, object]]] = {"loud": agents(4), "calm": agents(4)}

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"data": shows[request.match_info["tenant"]]})

    app = web.Application()
    app.router.add_get("/api/v1/tenants/{tenant}/agentstatus/agents", answer)
    config = KafkaConfig(bootstrap_servers=(kafka,), topic_prefix=topic_prefix, partitions=1)
    store = KafkaStore(config=config, retention=86_400_000, clock=clock)
    async with TestServer(app) as server, Http(clock=clock) as http:
        await store.start()
        shard = await store.take_over(0, lambda: True)
        shard.observer = signals.append
        base_url = str(server.make_url("")).rstrip("/")
        pollers = []
        for tenant in shows:
            own = AgentStatus8x8(id=tenant, base_url=base_url, username=tenant, password=LiteralSecret("x"))
            source = make_source(own, http=http, clock=clock)
            pollers.append(poller_on(shard, config=own, source=source, tools=Tools(observer=signals.append)))

        async def poll() -> None:
            await asyncio.gather(*(poller.poll() for poller in pollers))

        try:
            await poll()
            shows |= {"loud": agents(9, **{"agent-sub-status": HUGE}), "calm": agents(9)}
            await poll()
            shows |= {"loud": agents(3), "calm": agents(3)}
            await poll()
        finally:
            await shard.close()
            await store.stop()

    told: list[dict[str, Any]] = [
        orjson.loads(each.value or b"") for each in KafkaReader(kafka, topic_prefix).read(EVENTS)
    ]
    codes = {
        (tenant, number): [
            each["current"]["vendor"]["code"]
            for each in told
            if (each["tenant"], each["agent"]["id"]) == (tenant, f"ag{number}")
        ]
        for tenant in shows
        for number in range(3)
    }
    assert codes.pop(("loud", 0)) == [4, 3]
    assert set(map(tuple, codes.values())) == {(4, 9, 3)}
    assert [each.count for each in signals if isinstance(each, AgentsHeld)] == [1]
    assert {each.outcome for each in signals if isinstance(each, CommitFinished)} == {"committed"}
    assert HUGE not in json.dumps(told)
