"""What 8x8's real-time statistics show of agents and queues, and how old it is."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import Any

import pytest

from streamer.simulator.activity import REASONS, Activity, Reason, State
from streamer.simulator.formats import Xml
from streamer.simulator.identity import ids_of
from streamer.simulator.realtime_fields import QUEUES, agent_fields, queue_fields
from streamer.simulator.realtime_stats import CODES, follow, shown
from tests.simulator.conftest import TENANT, Client, HandClock, by_hand

ROOT = "/api/rtstats/stats"
AGENT = (
    "<agent> <active-customer-chat-count>-1</active-customer-chat-count> <agent-guid> "
    "detestacct801-ag3276621-cb1f16ae-d5a8-4658-a467-e1d9c3b8467f </agent-guid> <agent-id>ag3276621</agent-id> "
    "<agent-media-id>0</agent-media-id> <agent-name>Marie Sanders</agent-name> <agent-status>9</agent-status> "
    "<agent-sub-status>none</agent-sub-status> <assigned-skill-count>3</assigned-skill-count> "
    "<day-accepted-count>0</day-accepted-count> <day-available-time>0</day-available-time> "
    "<day-avg-processing-time>0</day-avg-processing-time> <day-break-time>0</day-break-time> "
    "<day-login-time>0</day-login-time> <day-offline-time>0</day-offline-time> "
    "<day-processing-time>0</day-processing-time> <day-rejected-count>0</day-rejected-count> "
    "<day-wrap-up-time>0</day-wrap-up-time> <enabled-skill-count>3</enabled-skill-count> <group-id>108</group-id> "
    "<idle-start-time>-1</idle-start-time> <last-login-time>-1</last-login-time> "
    "<longest-active-customer-chat-duration>-1</longest-active-customer-chat-duration> "
    "<max-concurrent-customer-chat>1</max-concurrent-customer-chat> <phone-line1-status>-1</phone-line1-status> "
    "<phone-line1-status-time>0</phone-line1-status-time> <phone-line2-status>-1</phone-line2-status> "
    "<phone-line2-status-time>0</phone-line2-status-time> <status-code-item-id/> <status-code-item-short-code/> "
    "<status-code-list-id/> <thirty-min-accepted-count>0</thirty-min-accepted-count> "
    "<thirty-min-available-time>0</thirty-min-available-time> "
    "<thirty-min-avg-handling-time>0</thirty-min-avg-handling-time> <thirty-min-break-time>0</thirty-min-break-time> "
    "<thirty-min-offline-time>0</thirty-min-offline-time> <thirty-min-processing-time>0</thirty-min-processing-time> "
    "<thirty-min-rejected-count>0</thirty-min-rejected-count> <thirty-min-wrap-up-time>0</thirty-min-wrap-up-time> "
    "<time-in-status>206526</time-in-status> </agent>"
)
QUEUE_FIELDS = [
    "agent-count-busy",
    "agent-count-loggedOut",
    "agent-count-onBreak",
    "agent-count-postProcess",
    "agent-count-waitTransact",
    "agent-count-workOffline",
    "day-abandoned",
    "day-accepted",
    "day-avg-duration",
    "day-avg-wait-time",
    "day-queued",
    "day-sla-activity",
    "assigned-agent-count",
    "enabled-agent-count",
    "longest-wait-time",
    "media-type",
    "number-in-offered",
    "number-in-progress",
    "queue-id",
    "queue-name",
    "queue-size",
    "queue-type",
    "sla-activity",
    "sla-target",
    "thirty-min-abandoned",
    "thirty-min-accepted",
    "thirty-min-avg-duration",
    "thirty-min-avg-wait-time",
    "thirty-min-longest-wait-time",
    "thirty-min-queued",
    "thirty-min-sla-activity",
]
IDS = ids_of(seed=1, tenant=TENANT, number=0)


def test_an_agent_is_rendered_as_in_the_vendors_document() -> None:
    """The example comes out byte for byte from an agent who never logged in, but for names and skills."""
    standing = follow(None, IDS, "Marie Sanders", at=0, state=State(Activity.NEVER_LOGGED_IN))
    fields = agent_fields(standing, at=206_526_999, skew=0)
    theirs = {
        "agent-guid": " detestacct801-ag3276621-cb1f16ae-d5a8-4658-a467-e1d9c3b8467f ",
        "agent-id": "ag3276621",
        "assigned-skill-count": 3,
        "enabled-skill-count": 3,
    }
    assert Xml("agent").encode({**fields, **theirs}).decode() == AGENT


def test_a_queue_has_the_fields_of_the_vendors_document() -> None:
    """All of the example's, in its order."""
    standing = follow(None, IDS, "Marie Sanders", at=0, state=State(Activity.LOGGED_OUT))
    assert list(queue_fields(QUEUES[0], [standing], at=5)) == QUEUE_FIELDS


def test_statuses_have_codes_of_their_own() -> None:
    """Those of the document's table, and no others; sub-status none for everybody."""
    assert set(CODES.values()) == {0, 1, 2, 3, 4, 5, 9}
    assert {CODES[Activity.AVAILABLE], CODES[Activity.LOGGED_OUT], CODES[Activity.ON_BREAK]} == {0, 9, 4}
    for activity in Activity:
        for reason in REASONS.get(activity, (None,)):
            fields = shown(State(activity, reason))
            assert fields["agent-sub-status"] == "none"
            assert fields["status-code-list-id"] == (reason.list_id if reason else None)


def test_time_in_status_begins_anew_when_what_is_shown_changes() -> None:
    """A reason is shown; whether a busy agent is on the phone or at an e-mail is not."""
    standing = follow(None, IDS, "", at=0, state=State(Activity.ON_CALL))
    standing = follow(standing, IDS, "", at=10_000, state=State(Activity.DIRECT_CALL))
    assert agent_fields(standing, at=15_000, skew=0)["time-in-status"] == 15
    for at, reason in ((20_000, None), (30_000, Reason(801, 1725, "Lunch"))):
        standing = follow(standing, IDS, "", at=at, state=State(Activity.ON_BREAK, reason))
        assert agent_fields(standing, at=at + 4999, skew=0)["time-in-status"] == 4


def test_counters_and_clocks_move() -> None:
    """Those of an agent's hour, in seconds; times of day by the vendor's clock."""
    day = 1_700_006_400_000
    standing = None
    story = (
        "logged_out",
        "logged_in",
        "available",
        "offered",
        "on_call",
        "wrap_up",
        "available",
        "offered",
        "on_break",
    )
    for minute, activity in enumerate(story):
        standing = follow(standing, IDS, "", at=day + minute * 60_000, state=State(Activity(activity)))
    assert standing is not None
    fields = agent_fields(standing, at=day + 10 * 60_000, skew=5000)
    assert {name: value for name, value in fields.items() if name.startswith(("day", "last"))} == {
        "day-accepted-count": 1,
        "day-available-time": 120,
        "day-avg-processing-time": 60,
        "day-break-time": 180,
        "day-login-time": 540,
        "day-offline-time": 0,
        "day-processing-time": 60,
        "day-rejected-count": 1,
        "day-wrap-up-time": 60,
        "last-login-time": day // 1000 + 65,
    }
    later = agent_fields(standing, at=day + 60 * 60_000, skew=0)
    assert (later["thirty-min-break-time"], later["thirty-min-accepted-count"]) == (1800, 0)
    assert later["day-break-time"] == 180 + 50 * 60


def test_a_queue_counts_its_agents() -> None:
    """Nobody waits while one is free; else the wait has lasted since the last one was."""
    states = [Activity.ON_CALL, Activity.OFFERED, Activity.WRAP_UP, Activity.AVAILABLE]
    team = [
        follow(None, ids_of(seed=1, tenant=TENANT, number=number), "", at=number * 1000, state=State(state))
        for number, state in enumerate(states)
    ]
    shown = [queue_fields(queue, team, at=10_000) for queue in QUEUES]
    names = ("agent-count-busy", "agent-count-postProcess", "agent-count-waitTransact")
    assert [[fields[name] for name in names] for fields in shown] == [[2, 0, 0], [1, 1, 0], [0, 1, 1], [1, 0, 1]]
    assert [(fields["queue-size"], fields["longest-wait-time"]) for fields in shown] == [(1, 9), (1, 8), (0, 0), (0, 0)]
    assert [fields["number-in-progress"] for fields in shown] == [1, 0, 1, 0]
    assert [fields["number-in-offered"] for fields in shown] == [0, 1, 0, 0]


async def text_of(client: Client, path: str, status: int = 200) -> str:
    async with client.ask(ROOT + path) as response:
        assert response.status == status
        text: str = await response.text()
        return text


async def json_of(client: Client, path: str) -> Any:
    async with client.ask(ROOT + path) as response:
        assert (response.status, response.content_type) == (200, "application/json")
        return await response.json()


@pytest.mark.parametrize(("noun", "key"), [("agent", "agent-id"), ("queue", "queue-id")])
async def test_all_and_one_in_both_formats(client: Client, noun: str, key: str) -> None:
    """XML without a suffix; one is what the list holds of it; both formats hold the same."""
    listed = (await json_of(client, f"/{noun}s.json"))[f"{noun}s"]
    assert len(listed) == (40 if noun == "agent" else len(QUEUES))
    whole = await text_of(client, f"/{noun}s")
    assert whole == await text_of(client, f"/{noun}s.xml")
    assert whole.startswith(f"<{noun}s> <{noun}> <")
    for item, element in zip(listed, ET.fromstring(whole), strict=True):  # noqa: S314
        assert await json_of(client, f"/{noun}/{item[key]}.json") == item
        one = await text_of(client, f"/{noun}/{item[key]}")
        assert one == await text_of(client, f"/{noun}/{item[key]}.xml")
        assert one in whole
        texts = {name: None if value is None else str(value) for name, value in item.items()}
        assert {child.tag: child.text and child.text.strip() for child in element} == texts


async def test_the_guid_is_padded_in_xml_alone(client: Client) -> None:
    """As the document's example has it; login id and GUID are both there."""
    whole = await text_of(client, "/agents")
    guids = re.findall(r"<agent-guid> (sim-001-(ag\d{7})-[0-9a-f-]{36}) </agent-guid> <agent-id>(ag\d{7})<", whole)
    assert len(guids) == 40
    assert all(login == own for _, login, own in guids)
    listed = (await json_of(client, "/agents.json"))["agents"]
    assert [item["agent-guid"] for item in listed] == [guid for guid, _, _ in guids]


@pytest.mark.parametrize(
    "path", ["/agent/nobody", "/agent/nobody.json", "/queue/1.xml", "/teams", "/agents.csv", "/agent"]
)
async def test_what_is_not_there_is_not_found(client: Client, path: str) -> None:
    """404."""
    await text_of(client, path, status=404)


async def moving(client: Client, clock: HandClock, step: int, count: int) -> list[tuple[int, str, str]]:
    """Time, agents and queues at each step."""
    seen = []
    for _ in range(count):
        clock.now += step
        seen.append((clock.now, await text_of(client, "/agents"), await text_of(client, "/queues")))
    return seen


@pytest.mark.parametrize("period", [10, 3.5])
async def test_answers_change_when_the_cache_is_refreshed_and_never_else(http: Any, period: float) -> None:
    """At one phase, period after period; byte for byte the same in between."""
    async with by_hand(http, stats_cache=period, agents=20, speed=5) as (client, clock, _):
        seen = await moving(client, clock, 100, 450)
    changes = [later[0] for earlier, later in pairwise(seen) if earlier[1:] != later[1:]]
    assert len(changes) >= 4
    assert {later - earlier for earlier, later in pairwise(changes)} == {period * 1000}


async def test_it_is_told_how_old_the_cache_was_at_each_answer(http: Any) -> None:
    """By moments, so that tests need not measure them; none where there is no cache."""
    async with by_hand(http, stats_cache=10) as (client, clock, simulation):
        for _ in range(3):
            clock.now += 6000
            await text_of(client, "/agents.json")
        api: Any = simulation.apis["8x8-realtime-stats"]
        told = (await client.stats())["tenants"][TENANT]["cached"]
        assert told == [[at, api.refreshed_at(TENANT, at)] for at in range(clock.now - 12_000, clock.now + 1, 6000)]
    async with by_hand(http, stats_cache=0) as (client, _, _):
        await text_of(client, "/agents.json")
        assert (await client.stats())["tenants"][TENANT]["cached"] == []


async def test_without_a_cache_every_answer_is_fresh(http: Any) -> None:
    """Clocks are as of the request."""
    async with by_hand(http, stats_cache=0) as (client, clock, simulation):
        simulation.freeze()
        for _ in range(5):
            clock.now += 1000
            passed = (clock.now - simulation.start) // 1000
            listed = (await json_of(client, "/agents.json"))["agents"]
            assert {item["time-in-status"] for item in listed} == {passed}


async def test_phases_differ_by_tenant_and_follow_the_seed(http: Any) -> None:
    """So that no two caches need be refreshed together."""
    phases = []
    for seed in (1, 1, 2):
        async with by_hand(http, seed=seed, tenants=2) as (_, clock, simulation):
            api: Any = simulation.apis["8x8-realtime-stats"]
            now = clock.now + 60_000
            phases.append([api.refreshed_at(tenant, now) % 10_000 for tenant in ("sim-001", "sim-002")])
    assert phases[0] == phases[1] != phases[2]
    assert phases[0][0] != phases[0][1]


async def test_a_stuck_cache_stands_still_until_it_is_freed(http: Any) -> None:
    """Its clocks too, byte for byte, however long; then it is as fresh as ever."""
    async with by_hand(http, agents=20, speed=5) as (client, clock, _):
        before = await text_of(client, "/agents")
        await client.control("faults", faults="stuck-cache")
        assert {agents for _, agents, _ in await moving(client, clock, 7000, 40)} == {before}
        await client.control("faults", faults="")
        after = await text_of(client, "/agents")
    assert after != before
