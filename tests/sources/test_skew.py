"""The vendor's clock against ours, by the dates of its answers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamer.model import Interval, Window
from streamer.sources.skew import REMEMBERED, Skew, SkewEstimate
from tests.support.values import NOON

answers = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 5000), st.floats(0, 1)), min_size=1, max_size=30)
"""When each request is sent (ms from noon), how long it takes, and at which part of that the vendor looks at its clock."""


def tell(estimate: SkewEstimate, ahead: int, sent: int, took: int, part: float) -> None:
    """Let a vendor whose clock is `ahead` answer."""
    looked = NOON + sent + round(took * part)
    estimate.learn((looked + ahead) // 1000 * 1000, Window(NOON + sent, NOON + sent + took))


@given(ahead=st.integers(-(10**8), 10**8), given_answers=answers)
def test_the_true_skew_is_always_among_those_that_are_possible(
    ahead: int, given_answers: list[tuple[int, int, float]]
) -> None:
    """Whatever the network does, and however the clocks stand; and what is known never gets wider."""
    estimate, width = SkewEstimate(), 10**9
    for each in given_answers:
        tell(estimate, ahead, *each)
        skew = estimate.skew
        assert skew is not None
        assert skew.least <= ahead <= skew.most
        assert skew.most - skew.least <= width
        width = skew.most - skew.least


@given(ahead=st.integers(-(10**8), 10**8), at=st.integers(0, 10**6), given_answers=answers)
def test_a_time_of_the_vendors_is_when_it_was_in_ours(
    ahead: int, at: int, given_answers: list[tuple[int, int, float]]
) -> None:
    """As an interval that holds the true moment."""
    estimate = SkewEstimate()
    for each in given_answers:
        tell(estimate, ahead, *each)
    assert estimate.skew is not None
    ours = estimate.skew.ours(NOON + at + ahead)
    assert ours.earliest <= NOON + at <= ours.latest


@given(before=st.integers(-(10**7), 10**7), after=st.integers(-(10**7), 10**7), given_answers=answers)
def test_a_clock_that_is_set_is_followed_at_once_if_that_can_be_seen(
    before: int, after: int, given_answers: list[tuple[int, int, float]]
) -> None:
    """Answers that contradict what is known end it."""
    estimate = SkewEstimate()
    for each in given_answers:
        tell(estimate, before, *each)
    known = estimate.skew
    assert known is not None
    tell(estimate, after, 2_000_000, 20, 0.5)
    skew = estimate.skew
    assert skew is not None
    told = Skew((NOON + 2_000_010 + after) // 1000 * 1000 - NOON - 2_000_020, 0).least
    contradicts = told > known.most or told + 999 + 20 < known.least
    if contradicts:
        assert skew.least <= after <= skew.most
        assert skew.most - skew.least == 999 + 20


def test_a_clock_that_drifts_is_followed_as_old_answers_are_forgotten() -> None:
    """A millisecond an answer, for as many answers as are remembered twice over."""
    estimate = SkewEstimate()
    for number in range(3 * REMEMBERED):
        tell(estimate, number, number * 10_007, 40, 0.5)
    skew = estimate.skew
    assert skew is not None
    assert skew.least <= 3 * REMEMBERED
    assert skew.most >= 2 * REMEMBERED


def test_answers_narrow_it_to_the_time_on_the_way() -> None:
    """A date has whole seconds, so a single answer leaves more than one open."""
    estimate = SkewEstimate()
    tell(estimate, 300, 0, 40, 0.5)
    assert estimate.skew == Skew(-40, 999)
    for sent in range(0, 60_000, 1037):
        tell(estimate, 300, sent, 40, 0.5)
    skew = estimate.skew
    assert skew is not None
    assert skew.most - skew.least < 100


def test_nothing_is_known_without_a_date() -> None:
    """No Date, or none that can be read, tells nothing and changes nothing."""
    assert SkewEstimate().skew is None
    estimate = SkewEstimate()
    estimate.learn(None, Window(NOON, NOON))
    tell(estimate, 0, 0, 0, 0)
    estimate.learn(None, Window(NOON + 9000, NOON + 9000))
    assert estimate.skew == Skew(0, 999)
    assert Skew(0, 999).ours(NOON) == Interval(NOON - 999, NOON)
