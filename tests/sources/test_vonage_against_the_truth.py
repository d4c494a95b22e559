"""Vonage: what is published of simulated agents is what truly happened to them, and when."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from streamer.clock import SystemClock, parse_rfc3339
from streamer.config import LiteralSecret, OAuth, Vonage
from streamer.diff.absence import AbsenceRules
from streamer.diff.plan import PollRules, plan_poll
from streamer.diff.state import TenantState
from streamer.simulator import SHARED_PASSWORD, SimulatorServer, SimulatorSettings, told_by
from streamer.sources.errors import PollError
from streamer.sources.http import Http
from streamer.sources.registry import make_source
from tests.oracle.vendors import READINGS
from tests.support.values import events

TENANT = "sim-001"
READING = READINGS["vonage-agent-status"]


async def published(
    simulator: SimulatorServer, polls: int, *, pause: float = 0.2, absent_after: int = 3
) -> AsyncIterator[Sequence[Mapping[str, Any]] | str]:
    """Poll a few times a second; yield the events of each poll, or its outcome if it failed."""
    oauth = OAuth(
        token_url=f"{simulator.base_url}/oauth/token", client_id=TENANT, client_secret=LiteralSecret(SHARED_PASSWORD)
    )
    config = Vonage(id=TENANT, base_url=simulator.base_url, oauth=oauth)
    state, rules = TenantState(tenant=TENANT), PollRules(absence=AbsenceRules(absent_after=absent_after))
    async with Http(clock=SystemClock()) as http:
        source = make_source(config, http=http, clock=SystemClock())
        for _ in range(polls):
            try:
                snapshot = await source.snapshot()
            except PollError as error:
                yield error.outcome
                continue
            plan = plan_poll(state, snapshot, vocabulary=source, rules=rules, now=SystemClock().wall())
            state = plan.state
            yield events(plan)
            await asyncio.sleep(pause)


def starts(told: Mapping[str, Any], truth: Path) -> Sequence[int]:
    """Return when the agent of an event truly entered the status that it tells, as often as that was."""
    shown = told_by(map(json.loads, truth.read_text().splitlines()), "vonage-agent-status")
    key = READING.published(told["current"]["vendor"])
    return [at for at, fields in shown[TENANT, told["agent"]["id"]] if fields and READING.shown(fields) == key]


@pytest.mark.parametrize("vonage_since", ["state", "interaction"])
@pytest.mark.parametrize("faults", ["", "lagging:0.3:0.7"], ids=["all nodes up to date", "some nodes lag"])
async def test_every_entry_is_when_it_truly_was(
    tmp_path: Path, vonage_since: Literal["state", "interaction"], faults: str
) -> None:
    """Whatever `since` of an interaction means, and however far off the vendor's clock is."""
    settings = SimulatorSettings(
        tenants=1,
        agents=60,
        speed=60,
        page_size=25,
        truth=tmp_path / "truth",
        clock_skew=-93.7,
        vonage_since=vonage_since,
        faults=faults,
        token_life=2.0,
    )
    told: list[Mapping[str, Any]] = []
    async with SimulatorServer(settings) as simulator:
        async for each in published(simulator, 12):
            assert not isinstance(each, str), each
            told += each
        assert simulator.simulation.traffic[TENANT].tokens > 1
    for event in told:
        since = event["current"]["since"]
        earliest, latest = parse_rfc3339(since["earliest"]), parse_rfc3339(since["latest"])
        assert any(earliest <= at <= latest for at in starts(event, tmp_path / "truth")), event
    changed = [event for event in told if event["change"] == "changed"]
    exact = [event for event in changed if event["occurred"]["basis"] == "vendor_since"]
    assert len(changed) > 50
    assert exact


async def test_agents_who_come_and_go_between_pages_make_no_false_change(tmp_path: Path) -> None:
    """Whoever is told to have left or come was truly away shortly before, even where one absence is enough."""
    truth = tmp_path / "truth"
    settings = SimulatorSettings(
        tenants=1, agents=40, speed=0.01, page_size=10, truth=truth, faults="torn-pages:0.25", seed=5
    )
    outcomes: Counter[str] = Counter()
    told: list[Mapping[str, Any]] = []
    async with SimulatorServer(settings) as simulator:
        async for each in published(simulator, 40, pause=0.0, absent_after=1):
            outcomes[each if isinstance(each, str) else "ok"] += 1
            told += () if isinstance(each, str) else each
    assert outcomes.keys() == {"ok", "incomplete"}, outcomes
    stories = told_by(map(json.loads, truth.read_text().splitlines()), "vonage-agent-status")
    moved = [event for event in told if event["change"] in ("appeared", "disappeared")]
    for event in moved:
        story = stories[TENANT, event["agent"]["id"]]
        seen = parse_rfc3339(event["observed"]["end"])
        assert any(fields is None and at <= seen for at, fields in story), event
    assert {event["change"] for event in moved} == {"appeared", "disappeared"}
    always = {agent for (_, agent), story in stories.items() if len(story) == 1}
    assert always
    assert not [event for event in moved if event["agent"]["id"] in always]
