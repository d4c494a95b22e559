"""What operators ask for in the config, carried out over restarts; the stream stays true through all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import wait_until
from tests.support.readers import EVENTS, ROWS
from tests.support.trial import ABSENT_AFTER, Place, Trial, TrialSettings, judge_trial

pytestmark = pytest.mark.timeout(400)

READY = {"agent-status": 4, "agent-sub-status": "none"}
BUSY = {"agent-status": 9, "agent-sub-status": "none"}

on_the_embedded_store = pytest.mark.parametrize("place", ["sqlite"], indirect=True)
"""For what writes nothing but events, as polling does; what else is written is tried on both stores."""


@pytest.fixture
def trial(place: Place, tmp_path: Path) -> Iterator[Trial]:
    """Three tenants of twelve agents who do nothing but what a test makes them do."""
    settings = TrialSettings(agents=12, speed=0.0001, churn=0, interval="200ms", heartbeat="300ms")
    with Trial(place, tmp_path, settings) as trial:
        trial.start()
        trial.wait_for_polls(2)
        yield trial


def agents_of(trial: Trial, tenant: str) -> list[str]:
    """Return the ids of a tenant's agents."""
    return sorted({line["agent"] for line in trial.simulator.truth() if line.get("tenant") == tenant})


def change(trial: Trial, tenant: str, agent: str) -> None:
    """Let an agent enter another status than the true one."""
    codes = [line["status"]["agent-status"] for line in trial.simulator.truth() if line.get("agent") == agent]
    trial.simulator.set(tenant, agent, READY if codes[-1] == BUSY["agent-status"] else BUSY)


def events_of(trial: Trial, tenant: str) -> list[Mapping[str, Any]]:
    """Return a tenant's events."""
    values = [json.loads(message.value or b"") for message in trial.place.reader.read(EVENTS)]
    return [value for value in values if value["tenant"] == tenant]


def rows_of(trial: Trial, tenant: str) -> set[str]:
    """Return the agents of a tenant that have a row."""
    table = {message.key: message.value for message in trial.place.reader.read(ROWS)}
    keys = {key.decode() for key, value in table.items() if value is not None}
    return {key.partition("|")[2] for key in keys if key.startswith(f"{tenant}|")}


def wait_for_health(trial: Trial, tenant: str, health: str) -> None:
    """Wait until a tenant's record says so."""
    wait_until(lambda: trial.last_records()[tenant]["health"] == health, f"health of {tenant} is {health}")


@on_the_embedded_store
def test_a_paused_tenant_is_not_polled_and_goes_on_where_it_was(trial: Trial) -> None:
    """Its watermark stands still meanwhile; what changed in the pause is told after it, with honest bounds."""
    tenant, *others = trial.tenants
    trial.restart({tenant: {"paused": True}})
    wait_for_health(trial, tenant, "paused")
    stood = trial.last_records()[tenant]["complete_through"]
    requests = trial.simulator.stats()["tenants"][tenant]["requests"]
    change(trial, tenant, agents_of(trial, tenant)[0])
    trial.wait_for_polls(3, others)
    assert trial.simulator.stats()["tenants"][tenant]["requests"] == requests
    assert trial.last_records()[tenant]["complete_through"] == stood
    trial.restart()
    wait_for_health(trial, tenant, "ok")
    judge_trial(trial)
    assert [event["change"] for event in events_of(trial, tenant)].count("changed") == 1


def test_a_resync_token_is_carried_out_once(trial: Trial) -> None:
    """Each agent with a status has one more event for each new token, over any number of restarts."""
    tenant = trial.tenants[0]
    for token in ("first", "first", "second"):
        trial.restart({tenant: {"resync": token}})
        trial.wait_for_polls(1)
        assert trial.last_records()[tenant]["resync"] == token
    change(trial, tenant, agents_of(trial, tenant)[0])
    judge_trial(trial)
    kinds = [event["change"] for event in events_of(trial, tenant)]
    assert kinds == ["baseline"] * 12 + ["resync"] * 24 + ["changed"]


def test_a_forgotten_agent_comes_back_as_somebody_new(trial: Trial) -> None:
    """Only those who have disappeared are forgotten; the others are refused, and their rows stay."""
    tenant = trial.tenants[0]
    gone, present, *_ = agents_of(trial, tenant)
    trial.simulator.set(tenant, gone, None)
    trial.wait_for_polls(ABSENT_AFTER + 1)
    trial.restart({tenant: {"forget_agents": [gone, present]}})
    trial.wait_for_polls(1)
    assert rows_of(trial, tenant) == {*agents_of(trial, tenant)} - {gone}
    assert "forget_agents" in trial.service.log()
    trial.simulator.set(tenant, gone, READY)
    verdict = judge_trial(trial, forgotten={(tenant, gone)})
    history = [(each["sequence"], each["change"]) for each in events_of(trial, tenant) if each["agent"]["id"] == gone]
    assert history == [(1, "baseline"), (2, "disappeared"), (1, "appeared")]
    assert verdict.counts.agents == 36


def test_a_tenant_without_config_is_told_until_it_is_forgotten(trial: Trial) -> None:
    """Taken out of the config it keeps its rows and says so; forgotten, nothing of its agents is left in the table."""
    tenant, *others = trial.tenants
    trial.restart(without=[tenant])
    wait_for_health(trial, tenant, "unconfigured")
    assert trial.service.metric("streamer_tenants_unconfigured") == 1
    assert len(rows_of(trial, tenant)) == 12
    trial.restart({tenant: {"forget": True}})
    wait_for_health(trial, tenant, "forgotten")
    assert rows_of(trial, tenant) == set()
    assert trial.last_records()[tenant]["tenant_sequence"] == 12
    trial.restart(without=[tenant])
    trial.wait_for_polls(2, others)
    assert trial.service.metric("streamer_tenants_unconfigured") == 0
    assert trial.last_records()[tenant]["health"] == "forgotten"
    forgotten = {(tenant, agent) for agent in agents_of(trial, tenant)}
    judge_trial(trial, settled=others, forgotten=forgotten)


@on_the_embedded_store
def test_a_mass_disappearance_waits_for_the_operator(trial: Trial) -> None:
    """Ten of twelve gone: held back, the watermark waits, others' changes go on; accepted, they disappear."""
    tenant = trial.tenants[0]
    *leaving, one, other = agents_of(trial, tenant)
    trial.simulator.faults("500", tenant=tenant)  # no poll sees only some of them gone
    for agent in leaving:
        trial.simulator.set(tenant, agent, None)
    trial.simulator.faults("", tenant=tenant)
    wait_for_health(trial, tenant, "degraded")
    stood = trial.last_records()[tenant]["complete_through"]
    change(trial, tenant, one)
    trial.wait_for_polls(ABSENT_AFTER + 2)
    assert {event["change"] for event in events_of(trial, tenant)} == {"baseline", "changed"}
    assert trial.last_records()[tenant]["complete_through"] == stood
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
    trial.restart({tenant: {"accept_shrink_until": until}})
    change(trial, tenant, other)
    judge_trial(trial)
    kinds = [event["change"] for event in events_of(trial, tenant)]
    assert kinds.count("disappeared") == len(leaving)
    assert trial.last_records()[tenant]["complete_through"] > stood
