"""Which validators of an answer are asked with: those that a server may send and that can't hide a change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from streamer.sources.http_fields import http_date
from streamer.sources.validators import NONE, SETTLED, Validators, validators_of

MODIFIED = "Fri, 15 Jan 2027 08:00:00 GMT"
AT = http_date(MODIFIED) or 0


@pytest.mark.parametrize("etag", ['"v1"', 'W/"v1"', '""', '"!#~"', f'"{"x" * 512}"', ' "v1"\t'])
def test_an_entity_tag_is_sent_back_as_it_came(etag: str) -> None:
    """Strong, weak or empty (RFC 9110, 8.8.3)."""
    assert validators_of({"ETag": etag}, date=None).fields == {"If-None-Match": etag.strip()}


@pytest.mark.parametrize(
    "etag", ["", "v1", 'w/"v1"', '"v1', '"v"1"', '"v 1"', '"v1", "v2"', '"\udce9"', '"é"', "*", f'"{"x" * 513}"']
)
def test_what_is_no_entity_tag_is_not_sent_back(etag: str) -> None:
    """It would be a malformed request, or mean something else: `*` is any body whatever."""
    assert validators_of({"ETag": etag}, date=None) == NONE


@pytest.mark.parametrize(
    ("date", "counts"),
    [(AT + SETTLED, True), (AT + SETTLED - 1, False), (AT, False), (AT - 86_400_000, False), (None, False)],
)
def test_a_time_counts_only_where_no_change_can_share_its_second(date: int | None, counts: bool) -> None:  # noqa: FBT001
    """By the server's own clock alone."""
    expected = {"If-Modified-Since": MODIFIED} if counts else {}
    assert validators_of({"Last-Modified": MODIFIED}, date=date).fields == expected


@pytest.mark.parametrize(
    "modified", ["", "yesterday", "0", "Fri, 15 Jan 2027 25:00:00 GMT", f"{MODIFIED} ({'x' * 64})"]
)
def test_a_time_that_is_none_is_not_sent_back(modified: str) -> None:
    """Nor one with anything beside it."""
    assert validators_of({"Last-Modified": modified}, date=2 * AT) == NONE


def test_fields_are_found_by_any_case() -> None:
    """As heads of answers are."""
    headers = CIMultiDict({"etag": '"v1"', "last-modified": MODIFIED})
    assert validators_of(headers, date=2 * AT) == Validators(etag='"v1"', last_modified=MODIFIED)


@given(st.text(), st.text() | st.just(MODIFIED), st.none() | st.integers(0, 2**42))
def test_whatever_comes_back_can_be_sent(etag: str, modified: str, date: int | None) -> None:
    """No server can make us send a malformed head, or fail."""
    for value in validators_of({"ETag": etag, "Last-Modified": modified}, date=date).fields.values():
        assert value.isascii()
        assert value.isprintable()
