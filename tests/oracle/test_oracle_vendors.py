"""The oracle reads the same status from what a vendor showed and from what was published of it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.oracle.truth import Spell, spells
from tests.oracle.vendors import READINGS

CALL = {"guid": "b", "medium": "Phone", "mediumManager": "CC", "direction": "Inbound", "state": "Ringing"}
CASE = {"guid": "a", "medium": "Case", "mediumManager": "CC", "direction": "Inbound", "state": "Wrap"}
READY = {"name": "Ready", "description": "Ready"}

SHOWN: dict[str, dict[str, Any]] = {
    "8x8-agent-status": {"agent-status": 4, "status-code-list-id": None, "agent-sub-status": "none"},
    "8x8-realtime-stats": {"agent-status": 4, "status-code-item-id": 7, "agent-sub-status": "none"},
    "vonage-agent-status": {
        "presence": {**READY, "eligibleForRouting": True},
        "workload": {"calls": 1, "semiLive": 0, "nonLive": 1},
        "interaction": [{**CASE, "channelGuid": None, "reason": None}, CALL],
    },
    "google-ccaip": {"status": "In-call"},
}
PUBLISHED: dict[str, dict[str, Any]] = {
    "8x8-agent-status": {"code": 4, "label": "AVAILABLE", "agent-sub-status": "none"},
    "8x8-realtime-stats": {"code": 4, "label": "on break", "status-code-item-id": 7, "agent-sub-status": "none"},
    "vonage-agent-status": {
        "code": "Ready",
        "presence": {**READY, "since": "2026-01-01T00:00:00.000Z"},
        "workload": {"calls": 1, "semiLive": 0, "nonLive": 1},
        "interactions": [{**CALL, "since": "2026-01-01T00:00:00.000Z"}, CASE],
    },
    "google-ccaip": {"code": "In-call", "label": "In-call", "agent_number": "Agent No.111"},
}


def test_every_source_is_read() -> None:
    """None of them is judged by nobody."""
    assert READINGS.keys() == SHOWN.keys() == PUBLISHED.keys()


@pytest.mark.parametrize("source", READINGS)
def test_a_status_is_the_same_as_shown_and_as_published(source: str) -> None:
    """Times, labels, numbers and the order of a list are no part of it."""
    assert READINGS[source].shown(SHOWN[source]) == READINGS[source].published(PUBLISHED[source])


def test_an_interaction_that_goes_on_is_another_status() -> None:
    """Each component counts, and so does each of its significant fields."""
    read, shown = READINGS["vonage-agent-status"].shown, SHOWN["vonage-agent-status"]
    presence = {**READY, "description": "Lunch"}
    others = [
        {**shown, "interaction": [CASE, {**CALL, "state": "Connected"}]},
        {**shown, "interaction": [CASE, {**CALL, "guid": "c"}]},
        {**shown, "interaction": [CASE]},
        {**shown, "presence": presence},
        {**shown, "workload": {"calls": 0, "semiLive": 0, "nonLive": 1}},
    ]
    assert len({read(fields) for fields in [shown, *others]}) == 6


def test_a_change_that_the_vendor_does_not_show_ends_no_spell() -> None:
    """A call that rings and is then taken is one status where both have one name."""
    call, free = {"status": "In-call"}, {"status": "Available"}
    told = [(10, free), (20, call), (30, call), (40, None), (50, free)]
    expected = [
        Spell(None, -math.inf, 10),
        Spell(("Available",), 10, 20),
        Spell(("In-call",), 20, 40),
        Spell(None, 40, 50),
        Spell(("Available",), 50, math.inf),
    ]
    assert spells(told, "google-ccaip") == expected
