"""What Vonage shows of the agents, and how it is asked."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.simulator.activity import BREAK_CODES, CALL_IGNORED, REASONS, Activity, State
from streamer.simulator.identity import ids_of
from streamer.simulator.vonage import Interaction, Presence, Step, View, Workload, follow, render, shown
from tests.simulator.conftest import TENANT, Client, by_hand
from tests.simulator.readers import BEARER, MEDIA_TYPE

PATH = "/stats/agent-status"
IDS = ids_of(seed=1, tenant=TENANT, number=0)
DOCUMENTED = (
    '{"agentId":"002","presence":{"since":"2019-12-19T16:00:23.249Z","name":"Ready","description":"Ready",'
    '"eligibleForRouting":false},"workload":{"since":"2019-12-19T16:05:30.212Z","calls":1,"semiLive":0,"nonLive":0},'
    '"interaction":[{"guid":"b6c01065-a5fa-432f-981b-649f98518878","channelGuid":null,'
    '"since":"2019-12-19T16:05:30.212Z","medium":"Phone","mediumManager":"CC","direction":"Outbound",'
    '"state":"Connected","reason":null}]}'
)


def test_an_agent_is_rendered_as_in_the_vendors_document() -> None:
    """The example comes out byte for byte."""
    called = 1576771530212
    view = View(
        "002",
        Presence(1576771223249, "Ready", "Ready", eligible_for_routing=False),
        Workload(called, 1, 0, 0),
        (
            Interaction(
                "b6c01065-a5fa-432f-981b-649f98518878", None, called, "Phone", "CC", "Outbound", "Connected", None
            ),
        ),
    )
    assert render(view) == DOCUMENTED.encode()
    assert b'"since":"2019-12-19T16:00:24.249Z"' in render(view, skew=1000)


def views(*states: State | Activity, whole: bool = False) -> list[View]:
    """What is shown of an agent who enters a state every second."""
    found: list[View] = []
    for second, state in enumerate(states):
        step = Step(IDS, second * 1000, state if isinstance(state, State) else State(state))
        found.append(follow(found[-1] if found else None, step, whole=whole))
    return found


def sinces(view: View) -> tuple[int, int, tuple[int, ...]]:
    return view.presence.since, view.workload.since, tuple(each.since for each in view.interaction)


def test_each_part_has_its_own_beginning() -> None:
    """A call rings, is taken, is wrapped up: one interaction, one workload, and a presence as long as the agent works."""
    seen = views(Activity.AVAILABLE, Activity.OFFERED, Activity.ON_CALL, Activity.WRAP_UP, Activity.AVAILABLE)
    assert [sinces(view) for view in seen] == [
        (0, 0, ()),
        (0, 1000, (1000,)),
        (0, 1000, (2000,)),
        (0, 1000, (3000,)),
        (0, 4000, ()),
    ]
    assert [[each.state for each in view.interaction] for view in seen] == [
        [],
        ["Ringing"],
        ["Connected"],
        ["Wrap"],
        [],
    ]
    assert len({each.guid for view in seen for each in view.interaction}) == 1
    assert [view.presence.eligible_for_routing for view in seen] == [True, False, False, False, True]
    assert {each.direction for view in seen for each in view.interaction} == {"Inbound"}


def test_read_literally_an_interaction_has_one_beginning() -> None:
    """In the document's words: the time when the agent started work on the interaction."""
    seen = views(Activity.OFFERED, Activity.ON_CALL, Activity.WRAP_UP, whole=True)
    assert [sinces(view)[2] for view in seen] == [(0,), (0,), (0,)]


def test_the_next_call_is_another_interaction() -> None:
    """Also where nothing lies between two calls."""
    seen = views(Activity.ON_CALL, Activity.OFFERED, Activity.AVAILABLE, Activity.OFFERED)
    guids = [each.guid for view in seen for each in view.interaction]
    assert len(set(guids)) == len(guids) == 3
    assert [each.direction for view in seen for each in view.interaction] == ["Outbound", "Inbound", "Inbound"]


def test_a_second_interaction_leaves_the_first_alone() -> None:
    """Busy: the direct call goes on beside a case; wrapping up e-mail is wrapping up a case."""
    direct, busy = views(Activity.DIRECT_CALL, Activity.BUSY)
    assert busy.interaction[0] == direct.interaction[0]
    assert (busy.workload.calls, busy.workload.non_live, busy.workload.since) == (1, 1, 1000)
    mail, wrap = views(Activity.ON_EMAIL, Activity.WRAP_UP)
    assert (wrap.interaction[0].medium, wrap.interaction[0].state, wrap.workload) == ("Case", "Wrap", mail.workload)


@pytest.mark.parametrize(
    ("state", "presence"),
    [
        (State(Activity.LOGGED_OUT, CALL_IGNORED), ("LoggedOut", "LoggedOut")),
        (State(Activity.ON_BREAK), ("Away", "Away")),
        (State(Activity.ON_BREAK, CALL_IGNORED), ("Away", "Call Ignored")),
        (State(Activity.ON_BREAK, BREAK_CODES[0]), ("Away", "Rest")),
        (State(Activity.ON_BREAK, BREAK_CODES[3]), ("ExtendedAway", "Lunch")),
        (State(Activity.WORK_OFFLINE, BREAK_CODES[4]), ("ExtendedAway", "Working Offline: Train")),
    ],
)
def test_a_reason_becomes_the_presences_description(state: State, presence: tuple[str, str]) -> None:
    """The categories are used as the document says is common."""
    (view,) = views(state)
    assert (view.presence.name, view.presence.description) == presence


states = st.sampled_from(
    [State(activity, reason) for activity in Activity for reason in REASONS.get(activity, (None,))]
)


@given(story=st.lists(states, min_size=2, max_size=20), whole=st.booleans())
def test_a_part_begins_anew_exactly_when_it_changes(*, story: list[State], whole: bool) -> None:
    """Whatever an agent does; and an agent with any interaction is never idle, one without is."""
    seen = views(*story, whole=whole)
    for second, (old, new) in enumerate(pairwise(seen), start=1):
        for part in ("presence", "workload"):
            fields = ("name", "description") if part == "presence" else ("calls", "semi_live", "non_live")
            before, after = getattr(old, part), getattr(new, part)
            same = all(getattr(before, field) == getattr(after, field) for field in fields)
            assert after.since == (before.since if same else second * 1000)
        known = {each.guid: each for each in old.interaction}
        for each in new.interaction:
            before = known.get(each.guid)
            goes_on = before is not None and (whole or before.state == each.state)
            assert each.since == (before.since if before is not None and goes_on else second * 1000)
    for state, view in zip(story, seen, strict=True):
        assert len(view.interaction) == view.workload.calls + view.workload.non_live
        assert view.presence.eligible_for_routing == (state.activity is Activity.AVAILABLE)
        assert view.presence.name == "Ready" or not view.interaction
        assert "since" not in json.dumps(shown(view))


async def page_of(client: Client, number: int, **headers: str) -> dict[str, Any]:
    async with client.ask(f"{PATH}?page={number}", headers={**BEARER, **headers}) as response:
        assert (response.status, response.content_type) == (200, MEDIA_TYPE)
        body: dict[str, Any] = await response.json(content_type=None)
        return body


async def test_all_pages_together_are_everybody_in_order(http: Any) -> None:
    """`meta` agrees with what comes; the page after the last is empty; without a number it is the first."""
    async with by_hand(http, agents=40, page_size=15) as (client, _, _simulation):
        pages = [await page_of(client, number) for number in (1, 2, 3, 4)]
        async with client.ask(PATH, headers=BEARER) as response:
            assert await response.json(content_type=None) == pages[0]
    assert [list(page) for page in pages] == [["meta", "items", "upTo"]] * 4
    assert [page["meta"] for page in pages] == [
        {"page": number, "count": count, "pageCount": 3, "totalCount": 40}
        for number, count in ((1, 15), (2, 15), (3, 10), (4, 0))
    ]
    ids = [item["agentId"] for page in pages for item in page["items"]]
    assert ids == [str(10001 + number) for number in range(40)]


async def test_up_to_is_the_vendors_own_time(http: Any) -> None:
    """In milliseconds; with a clock that is wrong, wrong in all its times and in the Date header."""
    async with by_hand(http, clock_skew=-90.5) as (client, clock, _):
        clock.now = 1_700_000_000_123
        async with client.ask(PATH, headers=BEARER) as response:
            page = await response.json(content_type=None)
            assert response.headers["Date"] == "Tue, 14 Nov 2023 22:11:49 GMT"
    assert page["upTo"] == "2023-11-14T22:11:49.623Z"
    assert {item["presence"]["since"] for item in page["items"]} == {"2023-11-14T22:11:49.500Z"}


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/vnd.newvoicemedia.v2+json", ""])
async def test_the_version_must_be_asked_for(client: Client, accept: str) -> None:
    """406 otherwise."""
    async with client.ask(PATH, headers={**BEARER, "Accept": accept}) as response:
        assert response.status == 406


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", "", "9" * 5000, "²"])
async def test_a_page_is_a_number_from_one(client: Client, number: str) -> None:
    """400 otherwise."""
    async with client.ask(PATH, headers=BEARER, params={"page": number}) as response:
        assert response.status == 400
