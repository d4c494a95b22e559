"""Agents who come and go between the pages of one scan: nobody appears or disappears who did not truly do so.

One thing no client can see: somebody new whom a tear hides in the first scan. They appear with the next one, and the
vendor's own time of entry, earlier than the scan that lacked them, is told as `late`.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from streamer.clock import SystemClock
from streamer.config import LiteralSecret, Vonage
from streamer.diff.absence import AbsenceRules
from streamer.diff.plan import PollRules, plan_poll
from streamer.diff.state import TenantState
from streamer.simulator import SimulatorServer, SimulatorSettings, token_of
from streamer.sources.errors import PollError
from streamer.sources.http import Http
from streamer.sources.registry import make_source
from tests.oracle import Message
from tests.oracle.evidence import Event
from tests.oracle.matching import match
from tests.oracle.truth import histories
from tests.support.polled import Polled, polled, truth_of
from tests.support.readers import EVENTS
from tests.support.trial import SCALE, new_dice

SOURCE = "vonage-agent-status"
SCANS = 1000 * SCALE

RULES = PollRules(absence=AbsenceRules(absent_after=1))

TENANTS = 4
AGENTS, PAGE_SIZE = 40, 10
TEARS = 0.15
"""Of the requests for a page after the first, so many find that somebody came or went since the page before."""


@dataclass
class Seen:
    """What the scans of all tenants came to."""

    events: list[Event] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    read_again: int = 0


@pytest.mark.timeout(120 * SCALE)
async def test_no_agent_appears_or_disappears_by_a_torn_page(tmp_path: Path) -> None:
    """Each event of the scans tells what was true in its window and happened when it says, and none tells it twice."""
    settings = SimulatorSettings(
        tenants=TENANTS,
        agents=AGENTS,
        page_size=PAGE_SIZE,
        speed=20,
        faults=f"torn-pages:{TEARS}",
        truth=tmp_path / "truth.jsonl",
        seed=new_dice().randrange(10_000),
    )
    tenants, seen = polled(TENANTS, [SOURCE]), Seen()
    async with SimulatorServer(settings) as server, Http(clock=SystemClock()) as http, asyncio.TaskGroup() as scanners:
        for tenant in tenants:
            scanners.create_task(scan_again_and_again(tenant, server, http, seen))
    truth = histories(truth_of(map(json.loads, (tmp_path / "truth.jsonl").read_text().splitlines()), tenants))
    by_agent: defaultdict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in seen.events:
        by_agent[event.who].append(event)
    told = [each for who, events in by_agent.items() for each in match(events, truth.get(who, ()))]
    kinds = Counter(each.change for each in seen.events)
    late = sum(each.data["late"] for each in seen.events)
    print(f"{dict(seen.outcomes)}, {seen.read_again} read again, {dict(kinds)}, {late} late")  # noqa: T201
    assert [each.event.data for each in told if each.chosen is None] == []
    assert seen.outcomes.keys() == {"ok", "incomplete"}
    assert seen.outcomes["ok"] > SCANS / 2
    assert seen.read_again > SCANS / 10
    assert min(kinds["appeared"], kinds["disappeared"]) > SCANS / 10


async def scan_again_and_again(tenant: Polled, server: SimulatorServer, http: Http, seen: Seen) -> None:
    """Scan one tenant its share of times; whoever is not in a scan is gone at once."""
    token = LiteralSecret(token_of(tenant.vendor_tenant))
    config = Vonage(id=tenant.id, base_url=server.base_url, token=token)
    source = make_source(config, http=http, clock=SystemClock())
    traffic, state = server.simulation.traffic[tenant.vendor_tenant], TenantState(tenant=tenant.id)
    for _ in range(SCANS // TENANTS):
        before = traffic.requests
        try:
            snapshot = await source.snapshot()
        except PollError as error:
            seen.outcomes[error.outcome] += 1
            seen.read_again += 1
            continue
        seen.outcomes["ok"] += 1
        seen.read_again += traffic.requests - before > -(-len(snapshot.agents) // PAGE_SIZE) + 1
        plan = plan_poll(state, snapshot, vocabulary=source, rules=RULES, now=snapshot.window.end)
        state = plan.state
        seen.events += [
            Event.of(Message(EVENTS, 0, 0, each.key, each.value, ())) for each in plan.records if each.topic == EVENTS
        ]
