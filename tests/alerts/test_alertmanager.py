"""One alert all the way: a vendor refuses, Prometheus notices, Alertmanager tells a webhook, and takes it back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.broker import ROOT
from tests.support.chart import VALUES, rendered
from tests.support.prometheus import Alertmanager, Prometheus, Rules, impatient
from tests.support.trial import Trial, TrialSettings, sqlite_place

REFUSED = "StreamerTenantAuthFailing"
TOLD_WITHIN = 60.0

Told = asyncio.Queue[dict[str, Any]]
"""The alerts that the webhook was told of, one by one."""


@asynccontextmanager
async def webhook() -> AsyncIterator[tuple[str, Told]]:
    """Serve what a chat or a pager would: take Alertmanager's messages."""
    told: Told = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        for alert in (await request.json())["alerts"]:
            told.put_nowait(alert)
        return web.Response()

    app = web.Application()
    app.router.add_post("/alerts", take)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("/alerts")), told


def installed_rules() -> Rules:
    """Return the rules as the chart hands them to the operator."""
    [rule] = [each for each in rendered(VALUES["full"]) if each["kind"] == "PrometheusRule"]
    spec: Rules = rule["spec"]
    return spec


async def next_about(told: Told, alert: str, status: str) -> dict[str, Any]:
    """Return the next message about an alert that fires, or is over; those about others are passed over."""
    async with asyncio.timeout(TOLD_WITHIN):
        while True:
            each = await told.get()
            if each["labels"]["alertname"] == alert and each["status"] == status:
                return each


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_whoever_is_on_duty_is_told_whom_a_vendor_refuses_what_to_do_and_when_it_is_over(tmp_path: Path) -> None:
    """With the chart's own rules; they differ in one thing: what they wait for minutes (`for`), they wait for seconds."""
    settings = TrialSettings(tenants=2, agents=5, interval="250ms")
    async with webhook() as (address, told):
        with ExitStack() as stack:

            async def enter(each: Any) -> None:
                await asyncio.to_thread(stack.enter_context, each)

            trial = Trial(sqlite_place(tmp_path), tmp_path, settings)
            await enter(trial)
            await asyncio.to_thread(trial.start)
            alertmanager = Alertmanager(address, folder=tmp_path / "alertmanager")
            await enter(alertmanager)
            rules = impatient(installed_rules())
            folder = tmp_path / "prometheus"
            await enter(Prometheus([trial.service.port], rules, folder=folder, alertmanager=alertmanager.address))

            refused, _well = trial.tenants
            trial.simulator.faults("401", tenant=refused)
            alert = await next_about(told, REFUSED, "firing")
            assert alert["labels"] == {
                "alertname": REFUSED,
                "tenant": refused,
                "source": "8x8-agent-status",
                "health": "auth_failed",
                "severity": "warning",
            }
            assert alert["annotations"]["summary"] == f"The vendor refuses tenant {refused}: auth_failed"
            runbooks, heading = alert["annotations"]["runbook_url"].split("#")
            assert runbooks == VALUES["full"]["monitoring"]["prometheusRule"]["runbooks"]
            pages = (ROOT / "docs" / "runbooks.md").read_text()
            assert heading in [each.lower() for each in re.findall(r"^## (\w+)$", pages, re.MULTILINE)]

            trial.simulator.faults("", tenant=refused)
            await asyncio.to_thread(trial.change, {refused: {"interval": "300ms"}})
            over = await next_about(told, REFUSED, "resolved")
            assert over["labels"]["tenant"] == refused
