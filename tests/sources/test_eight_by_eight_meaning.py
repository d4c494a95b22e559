"""8x8 agent status: what the vendor's statuses mean, and how a tenant refines that."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.clock import SystemClock
from streamer.config import AgentStatus8x8, LiteralSecret, StatusTarget
from streamer.model import STATES, Reason
from streamer.sources.eight_by_eight import significant
from streamer.sources.eight_by_eight_agent_status import EightByEightAgentStatus
from streamer.sources.http import Http
from streamer.sources.registry import check_status_map


def config(status_map: Mapping[str, StatusTarget] | None = None) -> AgentStatus8x8:
    return AgentStatus8x8(
        id="acme", platform="na12", username="acme", password=LiteralSecret("x"), status_map=status_map or {}
    )


def source(status_map: Mapping[str, StatusTarget] | None = None) -> EightByEightAgentStatus:
    clock = SystemClock()
    return EightByEightAgentStatus(config=config(status_map), http=Http(clock=clock), clock=clock)


@pytest.mark.parametrize(
    ("code", "state", "detail"),
    [
        (0, "unknown", "never_logged_in"),
        (1, "logged_out", None),
        (2, "not_ready", "logged_in"),
        (3, "not_ready", "break"),
        (4, "ready", None),
        (5, "not_ready", "work_offline"),
        (6, "busy", "reserved"),
        (7, "busy", None),
        (8, "working_after_call", None),
        (9, "busy", None),
        (10, "busy", "direct_call"),
        (11, "busy", "email"),
    ],
)
def test_every_status_of_the_document_has_a_canonical_state(code: int, state: str, detail: str | None) -> None:
    """The states are CSTA's; what they do not tell apart is in the detail."""
    meaning = source().interpret({"code": code, "label": "?"})
    assert (meaning.state, meaning.detail, meaning.reason, not meaning.unmapped) == (state, detail, None, True)


@pytest.mark.parametrize("code", [12, -1, 2**62, None, "5", 5.0])
def test_a_status_outside_the_document_is_unknown_and_counted(code: object) -> None:
    """It breaks nothing and is told as unmapped."""
    meaning = source().interpret({"code": code})
    assert (meaning.state, [(each.field, each.code) for each in meaning.unmapped]) == (
        "unknown",
        [("agent-status", f"{code}")],
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, None),
        ({"status-code-item-short-code": "Train"}, None),
        ({"status-code-list-id": None, "status-code-item-id": None}, None),
        ({"status-code-list-id": 801}, Reason(code=None, name=None, list="801")),
        ({"status-code-item-id": 1726}, Reason(code="1726", name=None, list=None)),
        ({"status-code-list-id": -1, "status-code-item-id": 1}, Reason(code="1", name=None, list="-1")),
        (
            {"status-code-list-id": 801, "status-code-item-id": 1726, "status-code-item-short-code": "Train"},
            Reason(code="1726", name="Train", list="801"),
        ),
    ],
)
def test_the_reason_is_the_status_code_where_there_is_one(fields: Mapping[str, object], reason: Reason | None) -> None:
    """Code, name and list are text in every source."""
    assert source().interpret({"code": 5, "label": "WORK_OFFLINE", **fields}).reason == reason


def test_a_status_map_refines_and_its_most_specific_key_wins() -> None:
    """Status, list and item before status and list before status; the reason is kept."""
    refined = source(
        {
            "5": StatusTarget("working_after_call", "paperwork"),
            "5/801": StatusTarget("busy"),
            "5/801/1726": StatusTarget("not_ready", "training"),
            "12": StatusTarget("ready"),
        }
    )

    def meaning(code: int, codes: int | None, item: int | None) -> tuple[str, str | None, bool]:
        got = refined.interpret({"code": code, "status-code-list-id": codes, "status-code-item-id": item})
        return got.state, got.detail, not got.unmapped

    assert meaning(5, 801, 1726) == ("not_ready", "training", True)
    assert meaning(5, 801, 1) == meaning(5, 801, None) == ("busy", None, True)
    assert meaning(5, 802, 1726) == meaning(5, None, None) == ("working_after_call", "paperwork", True)
    assert meaning(12, None, None) == ("ready", None, True)
    assert meaning(4, 801, 1726) == ("ready", None, True)
    kept = refined.interpret({"code": 5, "status-code-list-id": 801, "status-code-item-id": 1726}).reason
    assert kept == Reason(code="1726", name=None, list="801")


@given(
    st.dictionaries(
        st.sampled_from(["code", "label", "status-code-list-id", "status-code-item-id", "agent-sub-status", "x"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
    )
)
def test_no_stored_status_makes_interpreting_fail(vendor: Mapping[str, object]) -> None:
    """A row of another release, or one that somebody meddled with, means something or is unknown."""
    meaning = source({"5/801": StatusTarget("busy")}).interpret(vendor)
    assert meaning.state in STATES


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", 4),
        ("status-code-list-id", 802),
        ("status-code-item-id", 1727),
        ("status-code-item-short-code", "Lunch"),
        ("agent-sub-status", "other"),
    ],
)
def test_each_status_field_is_significant(field: str, value: object) -> None:
    """A change of any of them is a change of status; absent is as null."""
    padma = {
        "code": 5,
        "label": "WORK_OFFLINE",
        "status-code-list-id": 801,
        "status-code-item-id": 1726,
        "status-code-item-short-code": "Train",
        "agent-sub-status": "none",
    }
    assert significant(padma) != significant({**padma, field: value})
    without = {key: each for key, each in padma.items() if key != field}
    assert significant(without) == significant({**padma, field: None}) != significant(padma)


def test_label_and_unknown_fields_are_not_significant() -> None:
    """A label that a later release knows is no change."""
    assert significant({"code": 12, "label": None}) == significant({"code": 12, "label": "X", "y": 1})


@pytest.mark.parametrize("key", ["0", "5", "12", "5/801", "5/801/1726", "1/-1/1", "5/0/0"])
def test_a_key_that_can_match_is_accepted(key: str) -> None:
    """The three forms that the source reads."""
    assert check_status_map(config({key: StatusTarget("busy")})) == {}


@pytest.mark.parametrize(
    "key",
    ["", "WORK_OFFLINE", "5:801", "5/", "/5", "5//1726", "5/801/1726/1", "05", "5/ 801", "-0", "+5", "5\n", "\u0665"],
)
def test_a_key_that_could_never_match_is_refused(key: str) -> None:
    """It would have no effect, silently; the message says what to write."""
    faults = check_status_map(config({key: StatusTarget("busy"), "4": StatusTarget("ready")}))
    assert faults == {
        key: f"{key!r} is no status — write STATUS, STATUS/LIST or STATUS/LIST/ITEM in digits, such as 5/801/1726"
    }
