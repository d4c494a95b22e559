"""Conditional requests (RFC 9110, 13), over real HTTP: "not modified" is the last good answer once more, no less."""

from __future__ import annotations

import os
from collections.abc import Awaitable
from pathlib import Path

import pytest
from aiohttp import web

from streamer.clock import SystemClock
from streamer.config import AgentStatus8x8, LiteralSecret
from streamer.model import Snapshot
from streamer.sources.conditional import WHOLE_AFTER
from streamer.sources.errors import PollError
from streamer.sources.http import Http
from streamer.sources.registry import make_source
from tests.sources.cases import CASES
from tests.sources.conftest import MakeSource
from tests.sources.contract import SECRET, SECRET_VARIABLE, SourceCase
from tests.sources.situations import Situation
from tests.sources.unchanged import BROKEN, CONDITIONAL, UNCHANGED
from tests.sources.vendor import Asked, Respond, Vendor, answer

TAGGED = {"ETag": '"v1"'}
LONG_AGO = "Fri, 15 Jan 2027 08:00:00 GMT"
A_MINUTE_LATER = "Fri, 15 Jan 2027 08:01:00 GMT"


@pytest.fixture(params=[case for case in CASES if case.name in CONDITIONAL], ids=str)
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SourceCase:
    """Each source that asks conditionally."""
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    chosen: SourceCase = request.param
    return chosen


def conditions(asked: Asked) -> dict[str, str]:
    """Return the conditions that a request came with."""
    return {name: value for name, value in asked.headers.items() if name.startswith("If-")}


def shown(snapshot: Snapshot) -> dict[str, object]:
    """Return what a snapshot shows, without the times that depend on when it was taken."""
    return {agent: (status.name, status.vendor, status.significant) for agent, status in snapshot.agents.items()}


@pytest.mark.parametrize(
    ("given", "asked_with"),
    [
        ({"ETag": '"v1"'}, {"If-None-Match": '"v1"'}),
        ({"ETag": 'W/"v1"'}, {"If-None-Match": 'W/"v1"'}),
        ({"Last-Modified": LONG_AGO, "Date": A_MINUTE_LATER}, {"If-Modified-Since": LONG_AGO}),
        (
            {"ETag": '"v1"', "Last-Modified": LONG_AGO, "Date": A_MINUTE_LATER},
            {"If-None-Match": '"v1"', "If-Modified-Since": LONG_AGO},
        ),
        ({"Last-Modified": LONG_AGO, "Date": LONG_AGO}, {}),
        ({"ETag": "v1"}, {}),
        ({}, {}),
    ],
)
async def test_a_source_asks_with_what_the_last_answer_gave(
    case: SourceCase, vendor: Vendor, source_of: MakeSource, given: dict[str, str], asked_with: dict[str, str]
) -> None:
    """Both validators as they came, where they may tell; without any, the request has no condition."""
    vendor.respond = answer(case.good, headers=given)
    source = source_of()
    await source.snapshot()
    await source.snapshot()
    assert [conditions(each) for each in vendor.asked] == [{}, asked_with]


@pytest.mark.parametrize("situation", UNCHANGED, ids=lambda situation: situation.name)
async def test_not_modified_gives_the_same_agents_with_a_new_window(
    case: SourceCase, vendor: Vendor, source_of: MakeSource, situation: Situation
) -> None:
    """Whatever else the head says and however it ends; and the next answer counts again."""
    vendor.respond = answer(case.good, headers=TAGGED)
    source = source_of()
    first = await source.snapshot()
    vendor.respond = situation.spoil(case.good)
    second = await source.snapshot()
    assert shown(second) == shown(first)
    assert second.window.end >= first.window.end
    vendor.respond = answer(case.good)
    assert set((await source.snapshot()).agents) == case.agents
    assert len(vendor.asked) == 3


async def test_what_needs_no_clock_is_not_even_made_again(http: Http, vendor: Vendor) -> None:
    """Agents whose vendor tells no times are the identical objects, so there is nothing to compare."""
    config = AgentStatus8x8(id="acme", base_url=vendor.base_url, username="acme", password=LiteralSecret("x"))
    source = make_source(config, http=http, clock=SystemClock())
    vendor.respond = conditionally(b'{"data": [{"agent-id": "a", "agent-status": 4}]}')
    first, second = await source.snapshot(), await source.snapshot()
    assert second.agents is first.agents
    assert second.window.start >= first.window.end


async def test_the_window_of_not_modified_begins_earlier_by_its_time_in_a_cache(
    case: SourceCase, vendor: Vendor, source_of: MakeSource
) -> None:
    """`Age` means the same as with a body, and too much of it is stale."""
    vendor.respond = answer(case.good, headers=TAGGED)
    source = source_of()
    first = await source.snapshot()
    vendor.respond = answer(b"", status=304, headers={"Age": "7"})
    assert first.window.start - 8000 <= (await source.snapshot()).window.start <= first.window.end - 7000
    vendor.respond = answer(b"", status=304, headers={"Age": "172800"})
    with pytest.raises(PollError) as caught:
        await source.snapshot()
    assert caught.value.outcome == "stale"


async def test_not_modified_is_an_error_for_who_has_nothing(
    case: SourceCase, vendor: Vendor, source_of: MakeSource
) -> None:
    """A server without validators can't know what we have."""
    vendor.respond = answer(case.good)
    source = source_of()
    await source.snapshot()
    vendor.respond = answer(b"", status=304, headers=TAGGED)
    with pytest.raises(PollError, match="answers 304") as caught:
        await source.snapshot()
    assert caught.value.outcome == "http_error"


async def test_an_answer_that_could_not_be_read_is_never_taken_for_known(
    case: SourceCase, vendor: Vendor, source_of: MakeSource
) -> None:
    """After a request that came to nothing the next has no condition, so the tag of a bad body is asked with by none."""
    vendor.respond = answer(case.good, headers=TAGGED)
    source = source_of()
    await source.snapshot()
    for spoiled in (answer(b"0", headers={"ETag": '"v2"'}), answer(b"", status=503, headers={"ETag": '"v3"'})):
        vendor.respond = spoiled
        with pytest.raises(PollError):
            await source.snapshot()
    vendor.respond = conditionally(case.good)
    await source.snapshot()
    await source.snapshot()
    assert [each.headers.get("If-None-Match") for each in vendor.asked] == [None, '"v1"', None, None, '"v1"']


@pytest.mark.parametrize("situation", BROKEN, ids=lambda situation: situation.name)
async def test_a_server_that_stumbles_over_conditions_is_polled_all_the_same(
    case: SourceCase, vendor: Vendor, source_of: MakeSource, situation: Situation
) -> None:
    """One poll fails, as it may; the next asks without a condition and counts."""
    good, broken = answer(case.good, headers=TAGGED), situation.spoil(case.good)
    vendor.respond = lambda request: (broken if "If-None-Match" in request.headers else good)(request)
    source = source_of()
    outcomes = []
    for _ in range(4):
        try:
            outcomes.append("ok" if set((await source.snapshot()).agents) == case.agents else "other agents")
        except PollError as error:
            outcomes.append(error.outcome)
    assert outcomes == ["ok", situation.outcome] * 2


async def test_the_whole_is_asked_for_now_and_then(case: SourceCase, vendor: Vendor, source_of: MakeSource) -> None:
    """A server that says "not modified" by mistake hides changes for so long only."""
    vendor.respond = answer(case.good, headers=TAGGED)
    source = source_of()
    await source.snapshot()
    vendor.respond = conditionally(case.good)
    for _ in range(WHOLE_AFTER + 2):
        await source.snapshot()
    whole = [number for number, each in enumerate(vendor.asked) if not conditions(each)]
    assert whole == [0, WHOLE_AFTER + 1]
    assert len(vendor.asked) == WHOLE_AFTER + 3


async def test_what_one_tenant_has_is_not_taken_for_what_another_has(
    case: SourceCase, vendor: Vendor, source_of: MakeSource
) -> None:
    """Each source asks with its own answer's tag, also after its config was changed."""
    vendor.respond = conditionally(case.good)
    one, two = source_of(id="one"), source_of(id="two")
    for source in (one, two):
        assert set((await source.snapshot()).agents) == case.agents
    assert [conditions(each) for each in vendor.asked] == [{}, {}]


async def test_one_agent_is_asked_for_without_condition(
    case: SourceCase, vendor: Vendor, source_of: MakeSource
) -> None:
    """A person wants to see what the vendor says now."""
    vendor.respond = answer(case.good_agent, headers=TAGGED)
    source = source_of()
    await source.agent(case.agent)
    await source.agent(case.agent)
    assert [conditions(each) for each in vendor.asked] == [{}, {}]


async def test_a_server_that_knows_conditions_is_understood(
    case: SourceCase, vendor: Vendor, source_of: MakeSource, tmp_path: Path
) -> None:
    """Against aiohttp's own file server: two bodies, each sent once, however often it is asked; then one is gone."""
    file = tmp_path / "agents"
    sent: list[int] = []

    async def serve(request: web.Request) -> web.StreamResponse:
        response = web.FileResponse(file, headers={"Content-Type": request.headers["Accept"]})
        await response.prepare(request)
        sent.append(response.status)
        return response

    vendor.respond = serve
    source = source_of()
    for body in (case.good, case.good + b" "):
        file.write_bytes(body)
        os.utime(file, (len(body), len(body)))
        for _ in range(3):
            assert set((await source.snapshot()).agents) == case.agents
    assert sent == [200, 304, 304] * 2
    assert {"If-None-Match", "If-Modified-Since"} == set(conditions(vendor.asked[-1]))


@pytest.mark.parametrize("other", [case for case in CASES if case.name not in CONDITIONAL], ids=str)
async def test_the_other_sources_never_ask_conditionally(
    vendor: Vendor, http: Http, monkeypatch: pytest.MonkeyPatch, other: SourceCase
) -> None:
    """They would not know what to make of "not modified"."""
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    vendor.respond = answer(other.good, headers=TAGGED)
    source = make_source(other.config(vendor.base_url), http=http, clock=SystemClock())
    await source.snapshot()
    await source.snapshot()
    assert [conditions(each) for each in vendor.asked if conditions(each)] == []


def conditionally(good: bytes) -> Respond:
    """Answer 304 to every condition, and else well."""

    def respond(request: web.Request) -> Awaitable[web.StreamResponse]:
        known = "If-None-Match" in request.headers
        return (answer(b"", status=304) if known else answer(good, headers=TAGGED))(request)

    return respond
