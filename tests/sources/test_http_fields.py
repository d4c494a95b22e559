"""The fields of an answer's head: seconds, dates, garbage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.sources.http_fields import cached_for, http_date, is_media_type, retry_after

NOW = 1_800_000_000_000
"""Fri, 15 Jan 2027 08:00:00 GMT."""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("5", 5),
        (" 5 ", 5),
        ("0", 1),
        ("900", 900),
        ("901", 900),
        ("9" * 5000, 900),
        ("-5", None),
        ("1.5", None),
        ("5s", None),
        ("\u0665", None),
        ("soon", None),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30),
        ("Friday, 15-Jan-27 08:00:30 GMT", 30),
        ("Fri Jan 15 08:00:30 2027", 30),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 1),
        ("Sat, 16 Jan 2027 08:00:00 GMT", 900),
        ("Fri, 15 Jan 2027 25:61:00 GMT", None),
        ("Fri, 15 Jan 20270000000 08:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_between_a_second_and_a_quarter_of_an_hour(
    text: str | None, seconds: float | None
) -> None:
    """All three forms of an HTTP-date are read, RFC 9110 asks for that; garbage is as if nothing was said."""
    assert retry_after(text, now=NOW) == seconds


@given(st.text() | st.text("0123456789:,+- GMTJanFri", max_size=40), st.integers(0, 2**42))
def test_no_text_makes_a_field_fail(text: str, now: int) -> None:
    """A pause is none or within its bounds, a time is none or a whole number, an age is none or positive."""
    pause = retry_after(text, now=now)
    assert pause is None or 1 <= pause <= 900
    assert isinstance(http_date(text), int | None)
    assert cached_for(text) >= 0


def test_a_date_is_milliseconds_since_the_epoch() -> None:
    """A zone is heeded, its absence means UTC."""
    assert http_date("Fri, 15 Jan 2027 08:00:00 GMT") == NOW
    assert http_date("Fri, 15 Jan 2027 09:00:00 +0100") == NOW
    assert http_date("Fri, 15 Jan 2027 08:00:00 -0000") == NOW


@pytest.mark.parametrize(
    ("text", "json"),
    [
        ("application/json", True),
        ("text/JSON; charset=utf-8", True),
        ("application/vnd.newvoicemedia.v3+json", True),
        ("application/jsonp", False),
        ("application/xml", False),
        ("text/html; x=/json", False),
        ("json", False),
        ("", False),
    ],
)
def test_a_media_type_is_json_by_its_subtype(text: str, json: bool) -> None:  # noqa: FBT001
    """Parameters and case do not matter, a suffix (RFC 6839) does."""
    assert is_media_type(text, "json") is json
