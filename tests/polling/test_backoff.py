from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.polling.backoff import LONGEST, LONGEST_WHEN_THROTTLED, PARKED_FOR, Backoff, Decision
from streamer.sources.errors import OUTCOMES, Outcome, PollError

REFUSED = ("auth_failed", "not_enabled")
THROTTLED = ("rate_limited", "server_busy")

outcomes = st.sampled_from(OUTCOMES)
errors = st.builds(PollError, outcomes, st.just("why"), st.none() | st.floats(1, 900))
jitters = st.floats(0, 1, exclude_max=True)


def after(*errors: PollError, jitter: float = 0.5) -> Decision:
    """Return the decision after failures in a row."""
    backoff = Backoff()
    for error in errors:
        backoff, decision = backoff.after(error, random=lambda: jitter)
    return decision


def failed(outcome: Outcome, retry_after: float | None = None) -> PollError:
    """Return a failure."""
    return PollError(outcome, "why", retry_after)


@given(st.lists(errors, min_size=1, max_size=30), jitters)
def test_the_vendors_wish_is_always_granted(failures: list[PollError], jitter: float) -> None:
    """Nobody is asked again before its `Retry-After`, whatever else failed, and never later than all bounds."""
    decision = after(*failures, jitter=jitter)
    wish = failures[-1].retry_after
    assert decision.delay >= (wish or 0.0)
    assert decision.delay <= max(PARKED_FOR, LONGEST_WHEN_THROTTLED, (wish or 0.0) * 1.1)


@given(st.integers(1, 40), jitters)
def test_the_bound_doubles_with_each_failure_and_the_jitter_is_full(count: int, jitter: float) -> None:
    """Anything between nothing and the bound: tenants of a host that was down come back spread out."""
    decision = after(*[failed("timeout")] * count, jitter=jitter)
    assert decision.delay == pytest.approx(jitter * min(LONGEST, 2**count))
    assert decision.health == ("failing" if count > 1 else None)


def test_a_single_failure_is_no_alarm_unless_the_vendor_turns_us_away() -> None:
    """It is made good with the next poll; `Retry-After` may put that off for long."""
    assert after(failed("timeout")).health is None
    assert after(failed("rate_limited", 100)).health == "failing"


@pytest.mark.parametrize("outcome", THROTTLED)
def test_a_vendor_that_is_overloaded_is_left_alone_for_longer(outcome: Outcome) -> None:
    """Up to five minutes rather than one."""
    delays = [after(*[failed(outcome)] * count, jitter=0.999).delay for count in range(1, 12)]
    assert all(earlier <= later for earlier, later in pairwise(delays))
    assert LONGEST < delays[-1] <= LONGEST_WHEN_THROTTLED


def test_after_retry_after_tenants_come_back_spread_out() -> None:
    """Up to a tenth later than asked for."""
    assert after(failed("rate_limited", 100), jitter=0.0).delay == 100
    assert after(failed("rate_limited", 100), jitter=0.999).delay == pytest.approx(109.99)


@pytest.mark.parametrize("first", REFUSED)
@pytest.mark.parametrize("second", REFUSED)
def test_the_second_refusal_in_a_row_parks_the_tenant(first: Outcome, second: Outcome) -> None:
    """Going on with a wrong password could lock the vendor's account; the first may be the vendor's hiccup."""
    assert after(failed(first)).health is None
    decision = after(failed(first), failed(second))
    assert (decision.delay, decision.health) == (PARKED_FOR, second)


@pytest.mark.parametrize("between", [each for each in OUTCOMES if each not in REFUSED])
def test_refusals_count_only_in_a_row(between: Outcome) -> None:
    """Anything else between two refusals begins the count anew."""
    assert after(failed("auth_failed"), failed(between), failed("auth_failed")).health == "failing"


def test_a_parked_tenant_waits_longer_if_the_vendor_asks_for_it() -> None:
    """`Retry-After` is a lower bound for parking too."""
    assert after(failed("not_enabled"), failed("not_enabled", 900)).delay == 900
    assert after(failed("not_enabled"), failed("not_enabled", 10)).delay == PARKED_FOR
