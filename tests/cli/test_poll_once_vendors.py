"""`streamer poll-once` against each simulated vendor: what it prints is what the simulator's record says was shown."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from streamer.simulator.eight_by_eight import ACTIVITIES
from streamer.simulator.realtime_fields import QUEUES
from streamer.sources.registry import SOURCES
from tests.cli.conftest import Ended, streamer
from tests.oracle.vendors import READINGS
from tests.support.gauges import gauges_shown
from tests.support.polled import STATISTICS, Polled, polled, tenants_of, truth_of
from tests.support.programs import PASSWORD, PASSWORD_VARIABLE, SimulatorProgram

AGENTS = 2 * len(ACTIVITIES)
FORMS = ("json", "xml")

ASKED = [*(source for source in SOURCES if source != STATISTICS), *(f"{STATISTICS}.{form}" for form in FORMS)]
"""Tenants of the config, named after their source and, where there are two, the form of the answers."""

STATES = {"logged_out", "not_ready", "ready", "busy", "working_after_call"}

Printed = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By tenant and agent id, the documents that the command prints."""


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProgram]:
    """Two agents in each of 8x8's statuses, nothing moves any more, several pages, nothing cached."""
    folder = tmp_path_factory.mktemp("poll-once")
    options = ("--tenants", "1", "--agents", str(AGENTS), "--page-size", "10", "--stats-cache", "0")
    with SimulatorProgram(*options, "--speed", "0.0001", folder=folder) as simulator:
        simulator.freeze()
        last = {line["agent"]: line for line in simulator.truth() if "agent" in line}
        for number, (agent, line) in enumerate(last.items()):
            code = number % len(ACTIVITIES)
            if line["status"]["agent-status"] != code:
                simulator.set("sim-001", agent, {"agent-status": code})
        yield simulator


@pytest.fixture(scope="module")
def config(simulator: SimulatorProgram, tmp_path_factory: pytest.TempPathFactory) -> str:
    """One tenant of the service for each source and form."""
    tenants = tenants_of(polled(1, list(SOURCES)), simulator.base_url, password_env=PASSWORD_VARIABLE)
    named = [{**tenant, "id": tenant["source"]} for tenant in tenants if tenant["source"] != STATISTICS]
    (statistics,) = [tenant for tenant in tenants if tenant["source"] == STATISTICS]
    named += [{**statistics, "id": f"{STATISTICS}.{form}", "format": form} for form in FORMS]
    path: Path = tmp_path_factory.mktemp("config") / "streamer.yaml"
    path.write_text(yaml.safe_dump({"store": "sqlite:///unused.db", "tenants": named}))
    return str(path)


def poll_once(config: str, tenant: str, *options: str) -> Ended:
    """Run the command; the secret is in its environment."""
    environment = {**os.environ, PASSWORD_VARIABLE: PASSWORD}
    return streamer("poll-once", "--config", config, "--tenant", tenant, *options, environment=environment)


def printed(ended: Ended) -> Mapping[str, Mapping[str, Any]]:
    """Return the documents by agent id."""
    assert ended.code == 0, ended.err
    documents = [orjson.loads(line) for line in ended.out.splitlines()]
    return {document["agent"]["id"]: document for document in documents}


@pytest.fixture(scope="module")
def all_printed(config: str) -> Printed:
    """What the command prints of all agents, by tenant."""
    return {tenant: printed(poll_once(config, tenant, "--output", "json")) for tenant in ASKED}


def shown(simulator: SimulatorProgram, source: str) -> Mapping[str, Any]:
    """Return what the vendor shows of each agent by now, by the vendor's id, as the oracle reads it."""
    truth = truth_of(simulator.truth(), [Polled("sim-001", "sim-001", source)])[source]
    return {agent: READINGS[source].shown(list(told)[-1][1] or {}) for (_, agent), told in truth.items()}


@pytest.mark.parametrize("tenant", ASKED)
def test_all_agents_are_printed_as_the_vendor_shows_them(
    simulator: SimulatorProgram, all_printed: Printed, tenant: str
) -> None:
    """Every agent with the vendor's own words and a canonical state; a name, but for Vonage, which tells none."""
    source, documents = tenant.partition(".")[0], all_printed[tenant]
    told = {agent: READINGS[source].published(document["vendor"]) for agent, document in documents.items()}
    assert told == shown(simulator, source)
    assert len(told) == AGENTS
    assert all(document["agent"]["name"] for document in documents.values()) == (source != "vonage-agent-status")
    states = {document["state"] for document in documents.values()}
    assert states == STATES | ({"unknown"} if source == "8x8-agent-status" else set())
    assert all(document["mapped"] for document in documents.values())


@pytest.mark.parametrize("tenant", ASKED)
def test_one_agent_is_printed_alone(config: str, all_printed: Printed, tenant: str) -> None:
    """By the id under which the vendor is asked for one: of real-time statistics the login id."""
    chosen = list(all_printed[tenant].values())[7]
    asked = chosen["vendor"]["agent-id"] if tenant.startswith(STATISTICS) else chosen["agent"]["id"]
    (alone,) = printed(poll_once(config, tenant, "--agent", asked, "--output", "json")).values()
    unmoved = ("agent", "state", "detail", "reason", "mapped")
    assert {key: alone[key] for key in unmoved} == {key: chosen[key] for key in unmoved}


def test_statistics_say_the_same_in_json_and_in_xml(all_printed: Printed) -> None:
    """Field by field, but for the clock that runs on between the two."""
    one, other = (
        {
            agent: {**document, "vendor": {**document["vendor"], "time-in-status": None}}
            for agent, document in all_printed[f"{STATISTICS}.{form}"].items()
        }
        for form in FORMS
    )
    assert one == other


def test_people_get_a_line_for_each_agent(config: str) -> None:
    """On stdout, and on stderr how many."""
    ended = poll_once(config, "google-ccaip")
    assert (ended.code, len(ended.out.splitlines())) == (0, AGENTS)
    assert f"{AGENTS} agents" in ended.err


@pytest.fixture(scope="module")
def with_queues(simulator: SimulatorProgram, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A config whose tenants, one for each form, have queues polled."""
    (tenant,) = tenants_of(polled(1, [STATISTICS]), simulator.base_url, password_env=PASSWORD_VARIABLE)
    tenants = [{**tenant, "id": form, "format": form, "queues": True, "rate": "100/s"} for form in FORMS]
    path: Path = tmp_path_factory.mktemp("queues") / "streamer.yaml"
    path.write_text(yaml.safe_dump({"store": "sqlite:///unused.db", "tenants": tenants}))
    return str(path)


@pytest.mark.parametrize("form", FORMS)
def test_queues_are_listed_after_the_agents(simulator: SimulatorProgram, with_queues: str, form: str) -> None:
    """As the vendor shows them, where the tenant wants them; a question for one agent is about that one alone."""
    before = gauges_shown(simulator, "sim-001")
    ended = poll_once(with_queues, form, "--output", "json")
    after = gauges_shown(simulator, "sim-001")
    assert (ended.code, f"{len(QUEUES)} queues" in ended.err) == (0, True), ended.err
    documents = [orjson.loads(line) for line in ended.out.splitlines()]
    assert ["queue" in each for each in documents] == [False] * AGENTS + [True] * len(QUEUES)
    assert [each["queue"]["id"] for each in documents[AGENTS:]] == list(before)
    for each in documents[AGENTS:]:
        queue, longest = each["queue"]["id"], each["gauges"]["longest_wait_seconds"]
        assert before[queue]["longest_wait_seconds"] <= longest <= after[queue]["longest_wait_seconds"]
        assert each["gauges"] == {**before[queue], "longest_wait_seconds": longest}
    lines = poll_once(with_queues, form).out.splitlines()
    assert [line.split()[0] for line in lines[AGENTS:]] == [str(queue.id) for queue in QUEUES]
    assert all(" waiting " in line for line in lines[AGENTS:])
    (alone,) = poll_once(with_queues, form, "--agent", documents[0]["vendor"]["agent-id"]).out.splitlines()
    assert " waiting " not in alone


def test_queues_that_fail_are_a_failure_after_the_agents(simulator: SimulatorProgram, tmp_path: Path) -> None:
    """What was learnt of agents is shown; the exit code says that it was not all."""
    (tenant,) = tenants_of(polled(1, [STATISTICS]), simulator.base_url, password_env=PASSWORD_VARIABLE)
    path = tmp_path / "streamer.yaml"
    small = {**tenant, "id": "acme", "queues": True, "rate": "12/m", "interval": "10s", "timeout": "5s"}
    path.write_text(yaml.safe_dump({"store": "sqlite:///unused.db", "tenants": [small]}))
    ended = poll_once(str(path), "acme")
    assert (ended.code, len(ended.out.splitlines())) == (1, AGENTS), ended.err
    assert "its turn comes" in ended.err
