"""Durations, sizes, rates and times as they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.config import Rate, format_duration, parse_duration
from streamer.config.values import format_size, parse_rate, parse_size, parse_time


@given(st.integers(min_value=0, max_value=10**14))
def test_a_formatted_duration_reads_as_what_it_was(millis: int) -> None:
    assert parse_duration(format_duration(millis)) == millis


@given(st.integers(min_value=0, max_value=10**11))
def test_a_formatted_size_reads_as_what_it_was(size: int) -> None:
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    ("text", "millis"),
    [("250ms", 250), ("10s", 10_000), ("5m", 300_000), ("12h", 43_200_000), ("30d", 2_592_000_000)],
)
def test_a_duration_is_read_as_milliseconds(text: str, millis: int) -> None:
    assert parse_duration(text) == millis


@pytest.mark.parametrize(("millis", "text"), [(0, "0ms"), (999, "999ms"), (90_000, "90s"), (86_400_000, "1d")])
def test_a_duration_is_written_in_its_largest_whole_unit(millis: int, text: str) -> None:
    assert format_duration(millis) == text


@given(st.text())
def test_no_text_makes_the_parsers_raise_anything_but_value_error(text: str) -> None:
    for parse in (parse_duration, parse_size, parse_rate, parse_time):
        try:
            said = repr(parse(text))
        except ValueError as error:
            said = str(error)
        assert said


@pytest.mark.parametrize("text", ["٣s", "1e3s", "+5s", "5S", "5 s", "", "s", "1m30s", "9" * 20 + "s"])
def test_what_looks_like_a_duration_but_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration such as 10s|unknown unit"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "rate", "spacing"),
    [
        ("5/s", Rate(requests=5, per=1_000), 200),
        ("100/m", Rate(requests=100, per=60_000), 600),
        ("1/h", Rate(requests=1, per=3_600_000), 3_600_000),
    ],
)
def test_a_rate_is_read_and_written_alike_and_knows_its_spacing(text: str, rate: Rate, spacing: float) -> None:
    assert parse_rate(text) == rate
    assert str(rate) == text
    assert rate.interval == spacing


@pytest.mark.parametrize(
    ("text", "millis"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01.5z", 1_500),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:59:59.999Z", -1),
    ],
)
def test_a_time_is_read_as_milliseconds_since_the_epoch(text: str, millis: int) -> None:
    assert parse_time(text) == millis


@pytest.mark.parametrize("text", ["2026-11-21", "20261121T180000Z", "2026-W47-6T00:00:00Z", "18:00Z", "now"])
def test_a_time_in_any_other_form_than_rfc_3339_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time with its zone"):
        parse_time(text)
