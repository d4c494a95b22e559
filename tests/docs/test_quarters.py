"""What the example for workforce management makes of what no trial brings: late events, vendors' times, new names."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.broker import ROOT

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC).timestamp() * 1000
MINUTE = 60_000
QUARTER = 15 * MINUTE


def at(minutes: float | None) -> str | None:
    """Return a time so many minutes after nine."""
    return None if minutes is None else datetime.fromtimestamp(START / 1000 + 60 * minutes, UTC).isoformat()


def bounds(earliest: float | None, latest: float) -> dict[str, Any]:
    """Return an interval in minutes after nine."""
    return {"earliest": at(earliest), "latest": at(latest)}


def event(number: int, change: str, state: str | None, occurred: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    """Return what the example reads of an event; `since` in `more` is that of the status."""
    current = None if state is None else {"state": state, "since": more.pop("since", None)}
    return {
        "agent": {"id": "ag1"},
        "tenant_sequence": number,
        "change": change,
        "previous": None,
        "current": current,
        "observed": {"end": at(0)},
        "occurred": None if occurred is None else {"basis": "poll_bounds", **occurred},
        "duration_ms": None,
        "late": False,
        **more,
    }


def record(number: int, complete_through: float, resolution: int = 10_000) -> dict[str, Any]:
    """Return what the example reads of a tenant's record."""
    return {"tenant_sequence": number, "complete_through": at(complete_through), "resolution_ms": resolution}


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The book of a tenant whose one agent is ready since before nine, and whose stream is complete up to nine."""
    monkeypatch.syspath_prepend(ROOT / "docs" / "examples")
    opened = importlib.import_module("close_quarters").Book(length=QUARTER)
    opened.add(event(1, "baseline", "ready", bounds(None, -2)))
    opened.take(record(1, 0))
    assert not list(opened.close())
    return opened


def closed(book: Any) -> list[tuple[str, int, dict[str, tuple[float, float]]]]:
    """Return the lines that are due: hour and minute, revision, minutes in each state."""
    return [
        (
            line["from"][11:16],
            line["revision"],
            {state: (each["min"] / MINUTE, each["max"] / MINUTE) for state, each in line["states"].items()},
        )
        for line in book.close()
    ]


def test_a_quarter_waits_for_the_watermark_and_for_the_event_that_it_covers(book: Any) -> None:
    """The record may be read before the event."""
    book.add(event(2, "changed", "busy", bounds(4, 5)))
    book.take(record(2, 14.9))
    assert not closed(book)
    book.take(record(3, 15.1))
    assert not closed(book)
    book.add(event(3, "changed", "ready", bounds(14.8, 15.05)))
    assert closed(book) == [("09:00", 1, {"ready": (4, 5.2), "busy": (9.8, 11)})]


def test_silence_closes_quarters_too(book: Any) -> None:
    """Nothing happened, and the watermark says so."""
    book.take(record(1, 30.5))
    assert closed(book) == [("09:00", 1, {"ready": (15, 15)}), ("09:15", 1, {"ready": (15, 15)})]


def test_an_event_that_the_table_had_counts_once(book: Any) -> None:
    """The table is read first, and the events from a little before."""
    book.add(event(1, "baseline", "busy", bounds(None, -1)))
    book.take(record(1, 15))
    assert closed(book) == [("09:00", 1, {"ready": (15, 15)})]


def test_what_is_late_corrects_the_quarters_that_it_touches(book: Any) -> None:
    """Those before stay as they are."""
    book.take(record(1, 31))
    assert len(closed(book)) == 2
    book.add(event(2, "changed", "busy", bounds(20, 20) | {"basis": "vendor_since"}, late=True))
    [(quarter, revision, states)] = closed(book)
    assert (quarter, revision, states["busy"]) == ("09:15", 2, (10, 10))
    assert states["ready"][0] <= 5 <= states["ready"][1]
    assert not closed(book)


def test_what_was_missed_belongs_to_neither_status(book: Any) -> None:
    """The vendor says when the new one was entered; the old one was left at some time before."""
    book.add(event(2, "changed", "busy", bounds(3, 3) | {"basis": "vendor_since"}, since=bounds(3, 3)))
    book.add(
        event(
            3,
            "changed",
            "working_after_call",
            bounds(9, 9) | {"basis": "vendor_since"},
            previous={"since": bounds(3, 3)},
            duration_ms={"min": 2 * MINUTE, "max": 6 * MINUTE},
            missed_transitions=1,
        )
    )
    book.take(record(3, 15))
    [(_, _, states)] = closed(book)
    assert (states["busy"], states["working_after_call"]) == ((2, 6), (6, 6))


def test_a_new_name_holds_from_the_next_quarter_that_is_closed(book: Any) -> None:
    """A resync has no time: the status goes on."""
    book.take(record(1, 15))
    assert closed(book) == [("09:00", 1, {"ready": (15, 15)})]
    book.add(event(2, "resync", "not_ready", None))
    book.take(record(2, 30))
    assert closed(book) == [("09:15", 1, {"not_ready": (15, 15)})]


def test_who_has_disappeared_is_in_no_state(book: Any) -> None:
    """Until they return."""
    book.add(event(2, "disappeared", None, bounds(5, 6)))
    book.add(event(3, "appeared", "ready", bounds(10, 11)))
    book.take(record(3, 15))
    assert closed(book) == [("09:00", 1, {"ready": (9, 11)})]


def test_old_quarters_are_forgotten(book: Any) -> None:
    """A program that runs for months must not keep them all."""
    for number in range(2, 402):
        book.add(event(number, "changed", ("busy", "ready")[number % 2], bounds(number, number)))
    book.take(record(401, 200 * 15))
    assert len(closed(book)) == 200
    assert len(book.closed) <= 98
    assert len(book.spells["ag1"]) <= 2
