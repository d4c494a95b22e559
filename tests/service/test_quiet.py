from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from streamer.service.quiet import MOST_THINGS, Quiet

if TYPE_CHECKING:
    from tests.service.conftest import HandClock

SUBJECT = "acme"


@pytest.fixture
def quiet(clock: HandClock) -> Quiet:
    return Quiet(clock=clock, again_after=60)


def test_a_thing_is_due_once_and_again_after_a_while(quiet: Quiet, clock: HandClock) -> None:
    """With how often it happened since then."""
    assert [quiet.due(SUBJECT, "x") for _ in range(3)] == [1, 0, 0]
    clock.now += 59
    assert quiet.due(SUBJECT, "x", count=5) == 0
    assert quiet.due("other", "x") == 1
    clock.now += 1
    assert quiet.due(SUBJECT, "x") == 8


def test_new_things_are_due_once_older_ones_are_forgotten(quiet: Quiet, clock: HandClock) -> None:
    """So many at once at most, and as many again later: nothing is mute for ever."""
    for thing in range(MOST_THINGS):
        clock.now += 0.1
        assert quiet.due(SUBJECT, thing) == 1
    assert quiet.due(SUBJECT, "new") == 0
    clock.now += 60.15 - MOST_THINGS * 0.1  # of all that was said, the first is older than a minute
    assert quiet.due(SUBJECT, "new") == 1
    assert quiet.due(SUBJECT, "newer") == 0


def test_what_is_said_again_is_not_the_oldest_any_more(quiet: Quiet, clock: HandClock) -> None:
    """It is kept, and its count with it, while what was said before it is forgotten."""
    for thing in range(MOST_THINGS):
        quiet.due(SUBJECT, thing)
    clock.now += 60
    assert quiet.due(SUBJECT, 0) == 1
    assert [quiet.due(SUBJECT, ("new", each)) for each in range(MOST_THINGS)] == [1] * (MOST_THINGS - 1) + [0]
    assert quiet.due(SUBJECT, 0) == 0
    clock.now += 60
    assert quiet.due(SUBJECT, 0) == 2


def test_a_thing_is_forgotten_with_its_count(quiet: Quiet, clock: HandClock) -> None:
    """Memory stays bounded, however many things there are."""
    for thing in range(MOST_THINGS):
        assert [quiet.due(SUBJECT, thing) for _ in range(2)] == [1, 0]
    clock.now += 60
    assert [quiet.due(SUBJECT, ("new", each)) for each in range(MOST_THINGS)] == [1] * MOST_THINGS
    clock.now += 60
    assert quiet.due(SUBJECT, 0) == 1


def test_what_is_said_once_only_never_makes_room(clock: HandClock) -> None:
    """Unknown fields are told once for all, and of so many at most."""
    quiet = Quiet(clock=clock, again_after=math.inf)
    for thing in range(MOST_THINGS):
        assert quiet.due(SUBJECT, thing) == 1
    clock.now += 10**9
    assert quiet.due(SUBJECT, "new") == 0
    assert quiet.over(SUBJECT)
    assert quiet.due(SUBJECT, "new") == 1
