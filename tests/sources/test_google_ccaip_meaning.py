"""Google CCAI Platform: what statuses that are free text mean, and how a tenant says what its own mean."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.clock import SystemClock
from streamer.config import GoogleCcaip, LiteralSecret, StatusTarget, plain_words
from streamer.model import STATES, AgentStatus
from streamer.sources.documented import UnknownFields
from streamer.sources.google_ccaip import STATUSES, GoogleCcaipAgentStatuses, Personal, read_agents
from streamer.sources.http import Http
from streamer.sources.registry import check_status_map
from tests.sources.vendor import fixture


def config(status_map: Mapping[str, StatusTarget] | None = None) -> GoogleCcaip:
    return GoogleCcaip(
        id="acme",
        base_url="https://acme.uc1.ccaiplatform.com",
        username="acme",
        password=LiteralSecret("x"),
        status_map=status_map or {},
    )


def source(status_map: Mapping[str, StatusTarget] | None = None) -> GoogleCcaipAgentStatuses:
    clock = SystemClock()
    return GoogleCcaipAgentStatuses(config=config(status_map), http=Http(clock=clock), clock=clock)


def shown(name: str) -> dict[str, AgentStatus]:
    return dict(read_agents(fixture("google-ccaip", name), memo={}, personal=Personal(), unknown=UnknownFields())[0])


def test_every_status_of_the_system_has_a_canonical_state() -> None:
    """The states are CSTA's; what they do not tell apart is in the detail."""
    meanings = [source().interpret(each.vendor) for each in shown("all-system-statuses").values()]
    assert [(each.state, each.detail, each.reason, not each.unmapped) for each in meanings] == [
        ("ready", None, None, True),
        ("busy", None, None, True),
        ("busy", "chat", None, True),
        ("working_after_call", None, None, True),
        ("logged_out", None, None, True),
        ("not_ready", None, None, True),
        ("not_ready", "break", None, True),
        ("not_ready", "meal", None, True),
        ("not_ready", "missed_call", None, True),
        ("not_ready", "missed_chat", None, True),
        ("not_ready", "special_task", None, True),
        ("not_ready", "unresponsive", None, True),
    ]
    assert [each.vendor["code"] for each in shown("all-system-statuses").values()] == list(STATUSES)


def test_case_and_separators_do_not_matter() -> None:
    """The document itself writes In-call and In-Call, Available and available."""
    states = [source().interpret(each.vendor).state for each in shown("statuses-in-other-spellings").values()]
    assert states == ["ready", "busy", "busy", "working_after_call", "working_after_call", "logged_out"]


@pytest.mark.parametrize("code", ["lunch", "Napping", "", " ", "-", "Available!", "In-call 2", None, 4, ["Available"]])
def test_a_status_of_the_customers_own_is_unknown_and_counted(code: object) -> None:
    """It breaks nothing and is told as unmapped."""
    meaning = source().interpret({"code": code})
    assert (meaning.state, [(each.field, each.code) for each in meaning.unmapped]) == (
        "unknown",
        [("status", f"{code}")],
    )


def test_a_status_map_says_what_the_customers_statuses_mean() -> None:
    """Its keys are matched like the system's own, which it may overrule."""
    refined = source(
        {
            "lunch": StatusTarget("not_ready", "meal"),
            "Team Meeting": StatusTarget("not_ready", "meeting"),
            "wrap_up": StatusTarget("not_ready", "paperwork"),
            "Straße": StatusTarget("busy", "field"),
        }
    )

    def meaning(code: str) -> tuple[str, str | None, bool]:
        got = refined.interpret({"code": code, "label": code})
        return got.state, got.detail, not got.unmapped

    assert meaning("lunch") == meaning("LUNCH") == ("not_ready", "meal", True)
    assert meaning("team-meeting") == meaning("Team  Meeting") == ("not_ready", "meeting", True)
    assert meaning("Wrap-up") == ("not_ready", "paperwork", True)
    assert meaning("STRASSE") == ("busy", "field", True)
    assert meaning("Available") == ("ready", None, True)
    assert meaning("lunch time") == ("unknown", None, False)


@given(
    st.dictionaries(
        st.sampled_from(["code", "label", "agent_number", "x"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
    )
)
def test_no_stored_status_makes_interpreting_fail(vendor: Mapping[str, object]) -> None:
    """A row of another release, or one that somebody meddled with, means something or is unknown."""
    meaning = source({"lunch": StatusTarget("busy")}).interpret(vendor)
    assert meaning.state in STATES
    assert (meaning.state == "unknown") == bool(meaning.unmapped)


@given(st.text())
def test_a_status_means_the_same_however_its_case_and_separators_are_written(status: str) -> None:
    """What is left of it does not change by being looked at again."""
    words = plain_words(status)
    assert plain_words(f" {status}-") == plain_words(f"__{status}") == words
    assert not set(words) & set(" -_\t\n")


@pytest.mark.parametrize(
    ("before", "same"),
    [
        ({"code": "lunch", "label": "lunch", "agent_number": "Agent No.111"}, True),
        ({"code": "lunch"}, True),
        ({"code": "lunch", "label": "x", "email": "a@b.example", "ip_addrs": ["192.0.2.1"], "agent_number": "7"}, True),
        ({"code": "Lunch", "label": "Lunch"}, False),
        ({"code": "Available", "label": "Available"}, False),
        ({}, False),
    ],
)
def test_only_another_text_of_the_status_is_a_change(before: Mapping[str, object], same: bool) -> None:  # noqa: FBT001
    """Neither number nor address is one; another spelling is, because two custom statuses may differ in it alone."""
    now = shown("vendor-example")["11"]
    transition = source().transition(before, None, now)
    assert (transition.same, transition.entered, transition.missed) == (same, None, 0)


@pytest.mark.parametrize("key", ["lunch", "Team Meeting", "In-call", "☕", "5"])
def test_a_key_with_a_word_in_it_is_accepted(key: str) -> None:
    """Any text may be a status."""
    assert check_status_map(config({key: StatusTarget("busy")})) == {}


@pytest.mark.parametrize("key", ["", " ", "-", "_ -"])
def test_a_key_without_a_word_is_refused(key: str) -> None:
    """The message says what to write."""
    faults = check_status_map(config({key: StatusTarget("busy"), "lunch": StatusTarget("ready")}))
    assert faults == {key: f"{key!r} is no status — write it as the vendor shows it, such as lunch"}
