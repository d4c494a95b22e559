"""Vonage: what presence, workload and interactions mean together, and how a tenant refines that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.config import StatusTarget
from streamer.model import STATES, Meaning, Reason, Unmapped
from streamer.sources.vonage_agent_status import VonageAgentStatus
from streamer.sources.vonage_vocabulary import INTERACTION_STATES, VonageVocabulary
from tests.sources.mutated import any_json
from tests.sources.test_vonage_payload import read

Interaction = Mapping[str, Any]


def interaction(state: str, medium: str = "Phone", **fields: object) -> Interaction:
    return {"guid": f"{state}-{medium}", "state": state, "medium": medium, "reason": None, **fields}


def status(name: str, *interactions: Interaction, description: str | None = None, calls: int = 0) -> dict[str, Any]:
    workload = {"calls": calls, "semiLive": 0, "nonLive": 0}
    return {
        "code": name,
        "label": description or name,
        "presence": {"name": name, "description": description or name, "eligibleForRouting": False},
        "workload": workload,
        "interactions": list(interactions),
    }


def meaning(vendor: Mapping[str, Any], **status_map: StatusTarget) -> Meaning:
    return VonageVocabulary(status_map).interpret(vendor)


@pytest.mark.parametrize(
    ("name", "state", "detail"),
    [
        ("Ready", "ready", None),
        ("Away", "not_ready", "break"),
        ("ExtendedAway", "not_ready", "extended_away"),
        ("LoggedOut", "logged_out", None),
    ],
)
def test_every_presence_of_the_document_has_a_canonical_state(name: str, state: str, detail: str | None) -> None:
    """Where no interaction and no workload says more, and whether or not the agent is eligible for routing."""
    assert meaning(status(name)) == Meaning(state=state, detail=detail)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shown", "state", "detail"),
    [
        (interaction("Ringing"), "busy", "reserved"),
        (interaction("Connected"), "busy", None),
        (interaction("Connected", "Call"), "busy", None),
        (interaction("Connected", "Case"), "busy", "case"),
        (interaction("Connected", "Carrier Pigeon"), "busy", None),
        (interaction("Wrap"), "working_after_call", None),
        (interaction("Wrap", "Case"), "working_after_call", None),
        (interaction("Ringing", reason="Monitor"), "busy", "monitoring"),
        (interaction("Connected", reason="Monitor"), "busy", "monitoring"),
        (interaction("Connected", reason="Resumed"), "busy", None),
        (interaction("Wrap", reason="Monitor"), "working_after_call", "monitoring"),
        (interaction("Unexpected", reason="NoAnswer"), "ready", None),
        (interaction("Failed", reason="CallFailed"), "ready", None),
    ],
)
def test_an_interaction_decides_by_its_state(shown: Interaction, state: str, detail: str | None) -> None:
    """Those that the agent is at work on: not those that never came about."""
    assert meaning(status("Ready", shown)) == Meaning(state=state, detail=detail)  # type: ignore[arg-type]


def test_of_several_interactions_wrap_comes_before_connected_before_ringing() -> None:
    """In any order; the rest is kept in `vendor`."""
    wrap, connected, ringing, failed = map(interaction, ("Wrap", "Connected", "Ringing", "Failed"))
    assert meaning(status("Ready", failed, ringing, connected, wrap)).state == "working_after_call"
    assert meaning(status("Ready", ringing, connected, failed)) == Meaning("busy")
    assert meaning(status("Ready", failed, ringing)) == Meaning("busy", "reserved")


def test_of_several_that_decide_a_call_of_ones_own_is_plainest_and_monitoring_counts_last() -> None:
    """The detail does not hang on the order."""
    own, case, other = (
        interaction("Connected"),
        interaction("Connected", "Case"),
        interaction("Connected", reason="Monitor"),
    )
    assert meaning(status("Ready", other, case, own)) == meaning(status("Ready", own, other, case)) == Meaning("busy")
    assert meaning(status("Ready", other, case)) == Meaning("busy", "case")


def test_an_agent_who_is_ready_with_a_workload_is_busy() -> None:
    """By the document only an empty workload makes an agent available."""
    assert meaning(status("Ready", calls=1)) == Meaning("busy")
    assert meaning(status("Away", calls=1)) == Meaning("not_ready", "break")


def test_an_agent_who_goes_away_during_a_call_is_busy_until_it_is_done() -> None:
    """But who is logged out can't work on anything."""
    assert meaning(status("Away", interaction("Connected"), calls=1)) == Meaning("busy")
    assert meaning(status("LoggedOut", interaction("Wrap"))) == Meaning("logged_out")


def test_the_reason_is_the_presences_description_where_it_says_more_than_the_name() -> None:
    """And where the presence decides: a busy agent's lunch is not why."""
    lunch = Reason(code="Lunch", name="Lunch", list="Away")
    assert meaning(status("Away", description="Lunch")) == Meaning("not_ready", "break", lunch)
    assert meaning(status("Away")).reason is None
    assert meaning(status("Away", interaction("Wrap"), description="Lunch")).reason is None


def test_a_status_map_refines_presences_and_its_most_specific_key_wins() -> None:
    """Case and separators do not matter; interactions and the workload are not refined."""
    refined = VonageVocabulary(
        {
            "Away": StatusTarget("not_ready", "away"),
            "away/team-meeting": StatusTarget("not_ready", "meeting"),
            "Ready": StatusTarget("ready", "waiting"),
            "Zen": StatusTarget("not_ready", "zen"),
        }
    ).interpret
    assert refined(status("Away")).detail == "away"
    assert refined(status("Away", description="Team Meeting")).detail == "meeting"
    assert refined(status("Away", description="Lunch")).detail == "away"
    assert refined(status("Ready")) == Meaning("ready", "waiting")
    assert refined(status("Ready", calls=1)) == Meaning("busy")
    assert refined(status("Ready", interaction("Ringing"))) == Meaning("busy", "reserved")
    assert refined(status("Zen")) == Meaning("not_ready", "zen")


def test_what_the_document_does_not_know_is_counted_and_breaks_nothing() -> None:
    """An unknown presence is unknown; an unknown state of an interaction leaves the rest to decide."""
    away, parked = read("presence-and-state-nobody-documented").values()
    crater = Reason(code="Crater", name="Crater", list="OnTheMoon")
    assert meaning(away.vendor) == Meaning(
        "unknown", reason=crater, unmapped=(Unmapped("presence.name", "OnTheMoon", "OnTheMoon"),)
    )
    assert meaning(parked.vendor) == Meaning("ready", unmapped=(Unmapped("interaction.state", "Parked"),))
    assert meaning(status("OnTheMoon", interaction("Connected"))) == Meaning("busy")


@pytest.mark.parametrize("key", ["Away", "Away/Lunch", "Away/Lunch/Late", "ExtendedAway/Team Meeting", "Zen"])
def test_a_key_is_a_presence_or_a_presence_and_its_description(key: str) -> None:
    """All after the first slash is the description."""
    assert VonageAgentStatus.status_key_fault(key) is None


@pytest.mark.parametrize("key", ["", " ", "/", "/Lunch", "Away/", "Away/ -"])
def test_a_key_without_words_is_refused(key: str) -> None:
    """The words say what to write."""
    expected = f"{key!r} is no status — write PRESENCE or PRESENCE/DESCRIPTION, such as Away/Lunch"
    assert VonageAgentStatus.status_key_fault(key) == expected


def test_the_example_of_the_document_means_what_it_says() -> None:
    """One agent on a call, one available."""
    busy, idle = read("vendor-example").values()
    assert (meaning(busy.vendor), meaning(idle.vendor)) == (Meaning("busy"), Meaning("ready"))


@given(vendor=any_json(("code", "label", "workload", "interactions", "state", "calls", "medium", "reason")))
def test_whatever_was_stored_can_be_interpreted(vendor: object) -> None:
    """An older release, or somebody's hand, may have written it."""
    told = vendor if isinstance(vendor, dict) else {"interactions": [vendor], "workload": vendor, "code": vendor}
    assert meaning(told).state in STATES


@given(st.permutations([interaction(state, medium) for state in INTERACTION_STATES for medium in ("Phone", "Case")]))
def test_the_meaning_does_not_hang_on_the_order_of_interactions(interactions: list[Interaction]) -> None:
    """List order is no change, so it must mean nothing."""
    assert meaning(status("Ready", *interactions)) == Meaning("working_after_call")
    assert meaning(status("Ready", *(each for each in interactions if each["state"] != "Wrap"))) == Meaning("busy")
