from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.clock import SystemClock, parse_rfc3339, rfc3339
from streamer.events.definition import TIMESTAMP_PATTERN

FIRST = -62_135_596_800_000
LAST = 253_402_300_799_999
"""The first and the last millisecond that a four-digit year can name."""

millis = st.integers(FIRST, LAST)
offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59)


@given(millis)
def test_a_time_that_is_written_is_read_back(at: int) -> None:
    """To the millisecond, before 1970 and before the year 1000 too."""
    assert parse_rfc3339(rfc3339(at)) == at


@given(millis)
def test_what_is_written_is_what_the_schemas_ask_for(at: int) -> None:
    """UTC, four digits of year, three of milliseconds, and `Z`."""
    assert re.fullmatch(TIMESTAMP_PATTERN.strip("^$"), rfc3339(at))


@given(millis, millis)
def test_written_times_sort_as_the_times_do(one: int, other: int) -> None:
    """Consumers compare them as texts."""
    assert (rfc3339(one) < rfc3339(other)) == (one < other)


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)), offsets)  # noqa: DTZ001 - the offset comes after
def test_any_offset_is_read_and_microseconds_are_cut_off(moment: datetime, minutes: int) -> None:
    """As Python's own arithmetic has it."""
    moment = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    expected = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert parse_rfc3339(moment.isoformat()) == expected


def test_a_time_reads_as_the_example_in_rfc_3339() -> None:
    """Section 5.8: one moment written in two ways."""
    assert parse_rfc3339("1996-12-19T16:39:57-08:00") == parse_rfc3339("1996-12-20T00:39:57Z") == 851_042_397_000
    assert rfc3339(482_196_050_520) == "1985-04-12T23:20:50.520Z"


@pytest.mark.parametrize("at", [FIRST - 1, LAST + 1, 10**18, -(10**18), 10**30])
def test_a_time_outside_the_calendar_is_refused(at: int) -> None:
    """With what it was and what would do."""
    with pytest.raises(ValueError, match=f"^{at} ms is not a time between the years 1 and 9999$"):
        rfc3339(at)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59.999999-00:01"])
def test_a_time_that_could_not_be_written_is_not_read(text: str) -> None:
    """In its own zone it lies within the calendar, in ours it doesn't."""
    with pytest.raises(ValueError, match=r"ms is not a time between the years 1 and 9999$"):
        parse_rfc3339(text)


@pytest.mark.parametrize("text", ["2026-11-21T09:30:00", "2026-11-21", "2026-11-21T09:30:00.125"])
def test_a_time_without_an_offset_is_refused(text: str) -> None:
    """Nobody could tell whose time it is."""
    with pytest.raises(ValueError, match=f"^'{text}' has no offset; write Z for UTC$"):
        parse_rfc3339(text)


@pytest.mark.parametrize("text", ["", "now", "2026-02-30T00:00:00Z", "2026-11-21T25:00:00Z", "1795253410304"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """Rather than guessed at."""
    with pytest.raises(ValueError, match=r"."):
        parse_rfc3339(text)


def test_the_systems_clocks_are_the_systems() -> None:
    """Milliseconds since 1970 on the one, seconds that never go back on the other."""
    clock = SystemClock()
    assert abs(clock.wall() - time.time() * 1000) < 1000
    first = clock.monotonic()
    assert first <= clock.monotonic() < first + 1
