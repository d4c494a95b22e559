"""Queues through the whole service into real Kafka: the table is what the vendor shows, and is written sparingly."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from streamer.clock import parse_rfc3339
from streamer.simulator.realtime_fields import QUEUES as SIMULATED
from tests.support.gauges import Gauges, gauges_shown
from tests.support.polled import STATISTICS
from tests.support.programs import wait_until
from tests.support.readers import EVENTS, QUEUES
from tests.support.trial import CACHED_FOR, Trial, TrialSettings, judge_trial, kafka_place, pause

MINUTE = 60_000
READY = {"agent-status": 4, "agent-sub-status": "none"}


@pytest.fixture
def trial(kafka: str, tmp_path: Path) -> Iterator[Trial]:
    """Two busy tenants, in JSON and in XML, whose queues are polled every second."""
    keys = {
        f"sim-00{number}.{STATISTICS}": {"queues": True, "format": form} for number, form in ((1, "json"), (2, "xml"))
    }
    place = kafka_place(kafka, f"q{secrets.token_hex(6)}-")
    settings = TrialSettings(tenants=2, sources=(STATISTICS,), agents=20, interval="1s", tenant_keys=keys)
    with Trial(place, tmp_path, settings) as trial:
        yield trial


def history(trial: Trial) -> dict[str, list[Any]]:
    """Return all rows by key, in their order, None for a tombstone."""
    rows: dict[str, list[Any]] = {}
    for message in trial.place.reader.read(QUEUES):
        if message.key != b"|claim":
            value = None if message.value is None else json.loads(message.value)
            rows.setdefault(message.key.decode(), []).append(value)
    return rows


def shown(trial: Trial) -> Mapping[str, Gauges]:
    """Return what the vendor shows of all queues now, by the row's key."""
    return {
        f"{each.id}|{queue}": gauges
        for each in trial.polled
        for queue, gauges in gauges_shown(trial.simulator, each.vendor_tenant).items()
    }


def everybody_is_free(trial: Trial) -> None:
    """Let nothing more happen but that all agents become available: nobody waits then, for longer and longer."""
    trial.simulator.freeze()
    last = {(line["tenant"], line["agent"]): line for line in trial.simulator.truth() if "agent" in line}
    for (tenant, agent), line in last.items():
        if line["present"] and line["status"]["agent-status"] != READY["agent-status"]:
            trial.simulator.set(tenant, agent, READY)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_table_becomes_what_the_vendor_shows(trial: Trial) -> None:
    """Whoever owned the shard; no row says what the one before said, and few come within a minute of it."""
    trial.start()
    trial.wait_for_polls(1)
    pause(8)
    trial.service.kill()
    trial.start()
    pause(8)
    everybody_is_free(trial)
    pause(CACHED_FOR)
    true = shown(trial)
    assert len(true) == 2 * len(SIMULATED)

    def told() -> Mapping[str, Gauges]:
        return {key: rows[-1]["gauges"] for key, rows in history(trial).items() if rows[-1] is not None}

    wait_until(lambda: told() == true, "the table is what the vendor shows", within=90, every=1)
    judge_trial(trial)
    assert {json.loads(each.value or b"{}").get("source") for each in trial.place.reader.read(EVENTS)} == {STATISTICS}
    assert told() == true
    for rows in history(trial).values():
        for before, after in pairwise(rows):
            bare = [{**each, "counters": None, "observed": None, "detected_at": None} for each in (before, after)]
            assert bare[0] != bare[1], "nothing has moved"
            apart = parse_rfc3339(after["detected_at"]) - parse_rfc3339(before["detected_at"])
            crossed = (before["gauges"]["waiting"] > 0) != (after["gauges"]["waiting"] > 0)
            assert crossed or apart >= MINUTE, f"{apart} ms after the row before"
