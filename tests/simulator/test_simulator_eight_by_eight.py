"""What 8x8's API shows of the agents."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.simulator.activity import REASONS, Activity, Reason, State
from streamer.simulator.eight_by_eight import CODES, Status, agent_id, render, state_of, status_of

DOCUMENTED = [
    '{"agent-id":"ag0VYyLh0YTsymdbtYIaaaa","agent-status":1,"name":"Ilya Workshard"}',
    (
        '{"agent-id":"ag0XgxWZr7TzqWFhxboBGj1g","agent-status":1,"status-code-list-id":-1,"status-code-item-id":1,'
        '"name":"Jane Smith"}'
    ),
    '{"agent-id":"ag1LmqEeEYRoOti9KjIi_Dng","agent-status":0,"name":"Paul Neverhere"}',
    (
        '{"agent-id":"ag64oyEUb_Sk6bxVB9P5ye5w","agent-status":5,"status-code-list-id":801,'
        '"status-code-item-id":1726,"status-code-item-short-code":"Train","name":"Padma Othertask",'
        '"agent-sub-status":"none"}'
    ),
]
STATES = [State(activity, reason) for activity in Activity for reason in REASONS.get(activity, (None,))]


@pytest.mark.parametrize("example", DOCUMENTED)
def test_an_agent_is_rendered_as_in_the_vendors_document(example: str) -> None:
    """The four examples come out byte for byte: the fields, their order, and which are left out."""
    fields: dict[str, Any] = json.loads(example)
    state = state_of(
        msgspec.convert({key: value for key, value in fields.items() if key not in ("agent-id", "name")}, Status)
    )
    assert render(fields["agent-id"], fields["name"], state) == example.encode()


@pytest.mark.parametrize("state", STATES, ids=str)
def test_every_state_of_the_model_has_one_of_the_documented_shapes(state: State) -> None:
    """Sub-status exactly when signed in; a list and an item together; a short code only with a list of one's own."""
    item = json.loads(render("ag1", "Zoë Öztürk", state))
    assert item["agent-status"] in range(12)
    assert item["name"] == "Zoë Öztürk"
    assert ("agent-sub-status" in item) == (item["agent-status"] not in (0, 1))
    assert ("status-code-list-id" in item) == ("status-code-item-id" in item)
    assert ("status-code-item-short-code" in item) == (item.get("status-code-list-id", -1) != -1)
    assert None not in item.values()


def test_each_of_the_twelve_status_codes_stands_for_one_activity() -> None:
    """The codes of the vendor's two tables, 0 to 11, are all used, once each."""
    assert sorted(CODES.values()) == list(range(12))
    assert set(CODES) == set(Activity)


numbers = st.none() | st.integers(min_value=-1, max_value=9999)


@given(
    activity=st.sampled_from(Activity),
    reason=st.builds(Reason, numbers, numbers, st.none() | st.text(min_size=1)),
    note=st.none() | st.text(min_size=1).filter(lambda text: text != "none"),
)
def test_a_state_survives_the_vendors_terms(activity: Activity, reason: Reason, note: str | None) -> None:
    """What is shown of a state, forced upon another agent, gives the same state."""
    state = State(activity, None if reason == Reason(None, None) else reason, note)
    assert state_of(status_of(state)) == state


def test_an_unknown_status_code_cannot_be_forced() -> None:
    """The error names the code and the vendor's range."""
    with pytest.raises(ValueError, match=r"^agent-status 12 is none of the vendor's: 0 to 11$"):
        state_of(Status(12))


def test_agent_ids_look_like_the_vendors_and_are_distinct() -> None:
    """`ag` and 22 URL-safe characters, the same again for the same seed, tenant and number."""
    ids = [agent_id(seed=1, tenant=tenant, number=n) for tenant in ("sim-001", "sim-002") for n in range(500)]
    assert all(re.fullmatch(r"ag[A-Za-z0-9_-]{22}", agent) for agent in ids)
    assert len(set(ids)) == len(ids)
    assert ids[0] == agent_id(seed=1, tenant="sim-001", number=0)
    assert ids[0] != agent_id(seed=2, tenant="sim-001", number=0)
