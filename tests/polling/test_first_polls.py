from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.polling.first_polls import GAP, LATEST, FirstPolls

arrivals = st.lists(
    st.tuples(st.floats(0, 5), st.text("abc0123456789", min_size=1), st.floats(0.1, 600)), min_size=1, max_size=400
)


@given(arrivals)
def test_the_first_poll_comes_within_the_interval_and_within_three_seconds(
    arriving: list[tuple[float, str, float]],
) -> None:
    """However many tenants a take-over brings, none of them waits for long."""
    turns, now = FirstPolls(), 1000.0
    for pause, tenant, interval in arriving:
        now += pause
        first = turns.turn(tenant, interval=interval, monotonic=now)
        assert now <= first <= now + min(interval, LATEST)


def test_one_tenant_alone_is_polled_at_once() -> None:
    """There is nobody to be kept apart from."""
    assert FirstPolls().turn("acme", interval=10, monotonic=77.0) == 77.0


@pytest.mark.parametrize("tenants", [2, 100, 290])
def test_tenants_that_come_together_are_polled_one_after_the_other(tenants: int) -> None:
    """A vendor that serves all of them does not get all requests together, and nobody waits longer than needed."""
    turns = FirstPolls()
    moments = [turns.turn(f"t{number}", interval=10, monotonic=5.0) for number in range(tenants)]
    assert moments == pytest.approx([5.0 + number * GAP for number in range(tenants)])


def test_more_tenants_than_turns_are_spread_over_all_the_time_there_is() -> None:
    """A thousand tenants: none late, and no second gets half of them."""
    turns = FirstPolls()
    moments = [turns.turn(f"tenant{number}", interval=10, monotonic=0.0) for number in range(1000)]
    seconds = [sum(second <= moment < second + 1 for moment in moments) for second in range(3)]
    assert sum(seconds) == 1000
    assert max(seconds) < 400


def test_the_next_take_over_does_not_wait_for_the_last_one() -> None:
    """Turns that have passed are not made up for."""
    turns = FirstPolls()
    turns.turn("a", interval=10, monotonic=0.0)
    assert turns.turn("b", interval=10, monotonic=60.0) == 60.0
