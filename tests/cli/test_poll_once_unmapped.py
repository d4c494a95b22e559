"""What `streamer poll-once` lists of codes that no mapping knows and of unknown fields, at each simulated vendor."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from streamer.simulator import tenants_config
from streamer.simulator.activity import BREAK_CODES
from streamer.sources.registry import SOURCES
from tests.cli.conftest import Ended, streamer
from tests.sources.cases import CASES
from tests.support.polled import STATISTICS
from tests.support.programs import PASSWORD, PASSWORD_VARIABLE, SimulatorProgram

REASONS = (0, 0, 0, 1, 1, 2)
"""The reason of each agent's break, by its place among the customer's own."""

ASKED = (*((source, "json") for source in SOURCES), (STATISTICS, "xml"))
FIELDS = {case.name: case.status_field for case in CASES}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProgram]:
    """A few agents on breaks of several reasons; nothing moves any more, nothing is cached."""
    options = ("--tenants", "1", "--agents", str(len(REASONS)), "--stats-cache", "0", "--speed", "0.0001")
    with SimulatorProgram(*options, folder=tmp_path_factory.mktemp("unmapped")) as simulator:
        simulator.freeze()
        agents = {line["agent"] for line in simulator.truth() if "agent" in line}
        for agent, reason in zip(sorted(agents), REASONS, strict=True):
            code = BREAK_CODES[reason]
            broken = {"status-code-list-id": code.list_id, "status-code-item-id": code.item_id}
            simulator.set(
                "sim-001", agent, {"agent-status": 3, "status-code-item-short-code": code.short_code, **broken}
            )
        yield simulator


def poll_once(simulator: SimulatorProgram, folder: Path, source: str, *, output: str = "json", **keys: Any) -> Ended:
    """Run the command with a config of this one tenant."""
    [tenant] = tenants_config(simulator.base_url, 1, source=source)
    config = folder / "streamer.yaml"
    config.write_text(yaml.safe_dump({"store": "sqlite:///unused.db", "tenants": [{**tenant, **keys}]}))
    environment = {**os.environ, PASSWORD_VARIABLE: PASSWORD}
    arguments = ("--config", str(config), "--tenant", "sim-001", "--output", output)
    return streamer("poll-once", *arguments, environment=environment)


def unmapped(ended: Ended) -> list[Mapping[str, Any]]:
    """Return what is listed as unmapped; it stands after the agents, and they say how many of them it concerns."""
    assert ended.code == 0, ended.err
    told = [orjson.loads(line) for line in ended.out.splitlines()]
    agents, listed = told[: len(REASONS)], [document["unmapped"] for document in told[len(REASONS) :]]
    assert sum(not agent["mapped"] for agent in agents) == sum(each["agents"] for each in listed)
    return listed


@pytest.mark.parametrize(("source", "form"), ASKED)
def test_a_code_that_nobody_documented_is_listed_with_the_key_that_maps_it(
    simulator: SimulatorProgram, tmp_path: Path, source: str, form: str
) -> None:
    """In JSON after the agents, for people on stderr; with that key in `status_map` nothing is unmapped any more."""
    keys: dict[str, Any] = {"format": form} if source == STATISTICS else {}
    simulator.faults("unknown-status")
    try:
        ended = poll_once(simulator, tmp_path, source, **keys)
        codes = {each["code"]: each for each in unmapped(ended)}
        own = {reason.short_code.lower(): "not_ready" for reason in BREAK_CODES if reason.short_code}
        keys["status_map"] = {**(own if source == "google-ccaip" else {}), codes["42"]["status_map"]: "busy:mapped_now"}
        after = poll_once(simulator, tmp_path, source, **keys)
    finally:
        simulator.faults("")
    assert (codes["42"]["field"], codes["42"]["agents"]) == (FIELDS[source], 1)
    assert f'{FIELDS[source]} 42, agents: 1 - add to status_map  "42": STATE' in ended.err
    assert unmapped(after) == []
    assert "mapped_now" in after.out


@pytest.mark.parametrize(("source", "form"), ASKED)
def test_fields_that_nobody_documented_are_listed(
    simulator: SimulatorProgram, tmp_path: Path, source: str, form: str
) -> None:
    """After the agents, by their paths; where all is as documented, nothing is."""
    keys: dict[str, Any] = {"format": form} if source == STATISTICS else {}
    before = poll_once(simulator, tmp_path, source, **keys)
    simulator.faults("extra-fields")
    try:
        ended = poll_once(simulator, tmp_path, source, **keys)
        people = poll_once(simulator, tmp_path, source, output="table", **keys)
    finally:
        simulator.faults("")
    assert (before.code, ended.code, people.code) == (0, 0, 0), ended.err
    known, told = ([orjson.loads(line) for line in each.out.splitlines()] for each in (before, ended))
    paths = [each["unknown_field"]["path"] for each in told[len(known) :]]
    assert [each.get("agent") for each in known] == [each.get("agent") for each in told[: len(known)]]
    assert not [each for each in known if "unknown_field" in each]
    assert {path.rpartition(".")[2] for path in paths} - {"paging"} == {"x-note", "x-team"}
    assert all("[]." in path or path == "paging" for path in paths)
    assert f"unknown fields, ignored: {len(paths)}" in people.err
    assert people.err.splitlines()[-len(paths) :] == [f"streamer:   {path}" for path in paths]


def test_every_status_of_the_customers_own_is_listed_with_its_agents(
    simulator: SimulatorProgram, tmp_path: Path
) -> None:
    """Free texts, the most frequent first, each with its key."""
    listed = unmapped(poll_once(simulator, tmp_path, "google-ccaip", status_map={}))
    assert [(each["code"], each["agents"], each["status_map"]) for each in listed] == [
        ("rest", 3, "rest"),
        ("meet", 2, "meet"),
        ("coach", 1, "coach"),
    ]
