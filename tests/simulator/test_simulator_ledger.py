"""Times and counts of the day and the half hour."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.simulator.activity import Activity
from streamer.simulator.ledger import COLUMNS, DAY_MS, HALF_HOUR_MS, Ledger, Totals

MINUTE = 60_000
stays = st.lists(st.tuples(st.sampled_from(Activity), st.integers(1, 40)), min_size=1, max_size=12)


def by_minutes(stays: list[tuple[int, Activity]], since: int, until: int) -> Counter[str]:
    """Minute by minute, as nobody would do it."""
    spent: Counter[str] = Counter()
    for minute in range(since, until, MINUTE):
        doing = [activity for at, activity in stays if at <= minute]
        if doing:
            spent.update(dict.fromkeys(COLUMNS[doing[-1]], MINUTE))
    return spent


@given(stays=stays, start=st.integers(0, 2 * 24 * 60 - 1))
def test_times_are_those_of_the_day_and_of_the_half_hour(stays: list[tuple[Activity, int]], start: int) -> None:
    """Wherever midnight falls, and also a little before the last change, as a cache asks."""
    ledger, at, entered = Ledger(), start * MINUTE, []
    for activity, minutes in stays:
        ledger.enter(activity, at=at)
        entered.append((at, activity))
        asked = {at, at + minutes * MINUTE}
        for now in asked:
            for had, since in (
                (ledger.of_day(now), now - now % DAY_MS),
                (ledger.of_half_hour(now), max(0, now - HALF_HOUR_MS)),
            ):
                spent = by_minutes(entered, since, now)
                assert {name: getattr(had, name) for name in Totals._fields[:6]} == {
                    name: spent[name] for name in Totals._fields[:6]
                }
        at += minutes * MINUTE


def test_transactions_are_counted_as_accepted_or_rejected() -> None:
    """A call that rang is one or the other; an e-mail is accepted when it is begun."""
    ledger = Ledger()
    for minute, activity in enumerate(
        ["available", "offered", "on_call", "wrap_up", "available", "offered", "on_break", "available", "on_email"]
    ):
        ledger.enter(Activity(activity), at=minute * MINUTE)
    had = ledger.of_day(10 * MINUTE)
    assert (had.accepted, had.rejected) == (2, 1)


def test_only_the_last_half_hour_is_kept() -> None:
    """However long an agent works."""
    ledger = Ledger()
    for minute in range(3000):
        ledger.enter([Activity.AVAILABLE, Activity.ON_BREAK][minute % 2], at=minute * MINUTE)
    assert len(ledger._marks) <= 31
    assert ledger.of_half_hour(2999 * MINUTE).available == pytest.approx(15 * MINUTE, abs=MINUTE)
