"""What Google's CCAI Platform shows of the agents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamer.simulator.activity import BREAK_CODES, CALL_IGNORED, REASONS, Activity, State
from streamer.simulator.google import CUSTOM, render, shown
from streamer.simulator.identity import TEAMS, ids_of
from tests.simulator.conftest import TENANT, Client

PATH = "/apps/api/v1/agent_statuses"


def test_an_agent_has_the_documents_fields() -> None:
    """All six, of the documented types, in the order of the example."""
    item = json.loads(
        render(ids_of(seed=1, tenant=TENANT, number=0), "Darth Vader", State(Activity.ON_BREAK, BREAK_CODES[3]))
    )
    assert item == {
        "agent_id": 11,
        "name": "Darth Vader",
        "email": "ag3276001@example.com",
        "agent_number": "Agent No.111",
        "status": "lunch",
        "ip_addrs": ["203.0.113.1"],
    }
    assert list(item) == ["agent_id", "name", "email", "agent_number", "status", "ip_addrs"]


def test_statuses_are_the_systems_and_the_customers() -> None:
    """The texts of the document, and a custom one per reason for a break."""
    texts = {
        shown(State(activity, reason))["status"] for activity in Activity for reason in REASONS.get(activity, (None,))
    }
    assert {"Available", "In-call", "Offline", "Wrap-up", "lunch", *CUSTOM} <= texts
    assert shown(State(Activity.ON_BREAK, CALL_IGNORED)) == {"status": "Missed Call"}
    assert shown(State(Activity.WORK_OFFLINE, BREAK_CODES[3])) == {"status": "Special Task"}


async def ask(client: Client, body: object = None) -> list[dict[str, Any]]:
    options: dict[str, Any] = {} if body is None else {"json": body}
    async with client.ask(PATH, **options) as response:
        assert (response.status, response.content_type) == (200, "application/json")
        listed: list[dict[str, Any]] = await response.json()
        return listed


async def test_agents_and_teams_choose_who_is_shown(client: Client) -> None:
    """The union of both, each agent once, in the order of ids; nobody is made up for an unknown id."""
    everybody = await ask(client)
    teams = {ids_of(seed=1, tenant=TENANT, number=number).google: 1 + number % TEAMS for number in range(40)}
    assert [each["agent_id"] for each in everybody] == sorted(teams)
    for agents, chosen in (([11, 12], [1]), ([12, 12, 999], []), ([], [2, 3]), ([999], [9])):
        wanted = [agent for agent, team in teams.items() if agent in agents or team in chosen]
        found = await ask(client, {"agent_ids": agents, "team_ids": chosen})
        assert found == [each for each in everybody if each["agent_id"] in wanted]


@pytest.mark.parametrize("body", [{}, {"agent_ids": [], "team_ids": []}, {"agent_ids": []}])
async def test_no_choice_means_everybody(client: Client, body: object) -> None:
    """Neither list is required."""
    assert len(await ask(client, body)) == 40


@pytest.mark.parametrize(
    "options",
    [{"json": {"agent_ids": ["11"]}}, {"json": []}, {"json": {"team_ids": 1}}, {"data": b'{"agent_ids":[11]}'}],
    ids=str,
)
async def test_a_bad_body_is_answered_with_a_message(client: Client, options: dict[str, Any]) -> None:
    """400 in the document's form; so is a body that is not declared to be JSON."""
    async with client.ask(PATH, **options) as response:
        assert response.status == 400
        assert (await response.json())["message"]
