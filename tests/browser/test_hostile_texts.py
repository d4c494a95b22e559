"""Whatever a vendor says is a text on the page, and runs nowhere."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from streamer.clock import SystemClock
from streamer.events.record import partition_of
from streamer.polling.roster import Roster
from streamer.service.readiness import Readiness
from streamer.service.server import AdminServer
from streamer.service.status.board import StatusBoard
from streamer.service.status.report import About, StatusReport
from streamer.signals import (
    ConfigRefused,
    GroupSilent,
    HealthChanged,
    PollFinished,
    Published,
    Signal,
    StateChanged,
    StatusUnmapped,
)
from tests.support.browser import visiting
from tests.support.memory import tenant
from tests.support.ports import HOST
from tests.support.programs import wait_until

HOSTILE = "<script>pwned=1</script><img src=x onerror=pwned=1>\u202e\"'&amp;"

HERE = partition_of("acme", 2)
OTHERS = [name for name in map("tenant-{}".format, range(9)) if partition_of(name, 2) != HERE]
ELSEWHERE = len(OTHERS)

ACME = {"tenant": "acme", "source": "s"}

SIGNALS: list[Signal] = [
    PollFinished(outcome="ok", seconds=0.1, finished=1, error=HOSTILE, advice=HOSTILE, **ACME),
    PollFinished(outcome="invalid_body", seconds=0.1, finished=2, error=HOSTILE, advice=HOSTILE, **ACME),
    HealthChanged(before=None, health="failing", advice=f"advice {HOSTILE}", **ACME),
    Published("acme", "s", 3, (StateChanged(None, "ready", HOSTILE, HOSTILE),), (), (), 0),
    StatusUnmapped(field="status", code=HOSTILE, **ACME),
    ConfigRefused(problems=(HOSTILE,), asked=False),
]

INJECT = "document.body.append(Object.assign(document.createElement('script'), {textContent: 'pwned=1'}))"


def look(url: str) -> None:
    """Visit the page, in a thread of its own: the server runs in the test's loop."""
    with visiting(url) as visit:
        page = visit.page
        wait_until(lambda: page.locator("#lines tr").count() == 1, "the tenant is shown")
        text = page.locator("main").inner_text()
        # error and notice; advice; whose change, by name and id; the refused config; the group
        assert text.count("<script>pwned=1</script><img src=x onerror=pwned=1>") >= 7
        assert page.locator("img, main script").count() == 0
        assert f"{ELSEWHERE} more are in shards of other replicas" in page.locator("#elsewhere").inner_text()
        assert visit.complaints == []
        page.evaluate(INJECT)
        assert "Content Security Policy" in visit.complaints[0]
        assert page.evaluate("typeof pwned") == "undefined"


@pytest.mark.slow
async def test_what_a_vendor_says_is_shown_as_it_is_and_never_run() -> None:
    """Markup in errors, statuses, names of agents and configs; and what got in all the same would not run."""
    clock, roster, readiness = (
        SystemClock(),
        Roster([tenant(each) for each in ("acme", *OTHERS)], shards=2),
        Readiness(),
    )
    board = StatusBoard(clock=clock)
    for signal in SIGNALS:
        board(signal)
    readiness.own(frozenset({HERE}))
    readiness(GroupSilent(reason=HOSTILE))
    about = About(name=HOSTILE, store="kafka", shards=2, show_agents=True)
    report = StatusReport(about, board=board, roster=roster, readiness=readiness, clock=clock)
    async with AdminServer(
        host=HOST, port=0, registry=CollectorRegistry(), unready=readiness.missing, status=report.body
    ) as server:
        await asyncio.to_thread(look, f"http://{HOST}:{server.port}/")
