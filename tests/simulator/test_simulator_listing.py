"""A list that remembers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamer.simulator.listing import MAX_AGE_SECONDS, Listing

puts = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abcd"), st.none() | st.integers(0, 3)), max_size=30)


@given(puts=puts, moments=st.lists(st.integers(-1, 160), max_size=8))
def test_it_shows_every_moment_as_it_was(puts: list[tuple[int, str, int | None]], moments: list[int]) -> None:
    """Whoever comes, changes, goes and returns: each moment as a list kept at that moment, in the order of the ids."""
    listing: Listing[str, int] = Listing()
    at, kept = 0, [(-1, dict[str, int]())]
    for passed, agent, value in puts:
        at += passed
        listing.put(agent, value, at=at)
        now = {key: each for key, each in kept[-1][1].items() if key != agent}
        kept.append((at, now if value is None else {**now, agent: value}))
    for moment in [*moments, at]:
        true = next((listed for since, listed in reversed(kept) if since <= moment), {})
        shown = listing.at(moment)
        assert (list(shown), dict(shown)) == (sorted(true), true)


def test_what_nobody_changed_is_the_identical_object() -> None:
    """Serving again costs no rendering."""
    listing: Listing[str, bytes] = Listing()
    listing.put("b", b"as it was"[:], at=1)
    listing.put("a", b"first", at=2)
    before = listing.at(2)["b"]
    listing.put("a", b"second", at=3)
    assert listing.at(3)["b"] is listing.get("b") is before


def test_it_forgets_what_is_too_old() -> None:
    """Else a simulator that runs for days would grow with them."""
    listing: Listing[str, int] = Listing()
    for second in range(10 * MAX_AGE_SECONDS):
        listing.put("a", second, at=second * 1000)
    assert len(listing._undo) <= MAX_AGE_SECONDS + 1
    assert listing.at((9 * MAX_AGE_SECONDS + 1) * 1000) == {"a": 9 * MAX_AGE_SECONDS + 1}
