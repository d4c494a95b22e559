"""What agents do, in no vendor's terms, and how they go from one thing to the next.

The model is semi-Markov: an agent stays in an activity for a random time that depends on the activity alone, then
moves on with fixed odds. The tables below are the whole of it; every vendor's view is rendered from these values.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Mapping, Sequence

import msgspec


class Activity(enum.StrEnum):
    """What an agent is doing."""

    NEVER_LOGGED_IN = "never_logged_in"
    LOGGED_OUT = "logged_out"
    LOGGED_IN = "logged_in"
    ON_BREAK = "on_break"
    AVAILABLE = "available"
    WORK_OFFLINE = "work_offline"
    OFFERED = "offered"
    ON_CALL = "on_call"
    WRAP_UP = "wrap_up"
    BUSY = "busy"
    DIRECT_CALL = "direct_call"
    ON_EMAIL = "on_email"


class Reason(msgspec.Struct, frozen=True):
    """A reason code: its list, its number in the list and the short text that agents see, each where known.

    List -1 is the vendor's own, for reasons that the system gives and nobody chose.
    """

    list_id: int | None
    item_id: int | None
    short_code: str | None = None


class State(msgspec.Struct, frozen=True):
    """What an agent is doing and why; `note` is a vendor's finer status where one was forced, else null."""

    activity: Activity
    reason: Reason | None = None
    note: str | None = None


class Stay(msgspec.Struct, frozen=True):
    """How long an activity lasts (seconds: a least time, and the mean), and the odds of what follows it."""

    least: float
    mean: float
    then: Mapping[Activity, float]


BREAK_CODES: Sequence[Reason] = (
    Reason(801, 1721, "Rest"),
    Reason(801, 1722, "Meet"),
    Reason(801, 1724, "Coach"),
    Reason(801, 1725, "Lunch"),
    Reason(801, 1726, "Train"),
)
SESSION_TIMED_OUT = Reason(-1, 1)
CALL_IGNORED = Reason(-1, 4)

REASONS: Mapping[Activity, Sequence[Reason | None]] = {
    Activity.LOGGED_OUT: (None, None, SESSION_TIMED_OUT),
    Activity.ON_BREAK: (*BREAK_CODES, CALL_IGNORED, None),
    Activity.WORK_OFFLINE: (*BREAK_CODES, None),
}

STAYS: Mapping[Activity, Stay] = {
    Activity.NEVER_LOGGED_IN: Stay(60, 1800, {Activity.LOGGED_IN: 1}),
    Activity.LOGGED_OUT: Stay(20, 300, {Activity.LOGGED_IN: 1}),
    Activity.LOGGED_IN: Stay(1, 4, {Activity.ON_BREAK: 60, Activity.AVAILABLE: 40}),
    Activity.ON_BREAK: Stay(
        10,
        200,
        {Activity.AVAILABLE: 78, Activity.WORK_OFFLINE: 8, Activity.ON_BREAK: 6, Activity.LOGGED_OUT: 8},
    ),
    Activity.AVAILABLE: Stay(
        2,
        40,
        {
            Activity.OFFERED: 78,
            Activity.ON_BREAK: 8,
            Activity.ON_EMAIL: 4,
            Activity.WORK_OFFLINE: 3,
            Activity.DIRECT_CALL: 3,
            Activity.BUSY: 2,
            Activity.LOGGED_OUT: 2,
        },
    ),
    Activity.OFFERED: Stay(1, 6, {Activity.ON_CALL: 92, Activity.ON_BREAK: 8}),
    Activity.ON_CALL: Stay(10, 150, {Activity.WRAP_UP: 92, Activity.AVAILABLE: 8}),
    Activity.WRAP_UP: Stay(3, 30, {Activity.AVAILABLE: 88, Activity.ON_BREAK: 8, Activity.WORK_OFFLINE: 4}),
    Activity.WORK_OFFLINE: Stay(15, 180, {Activity.AVAILABLE: 70, Activity.ON_BREAK: 22, Activity.LOGGED_OUT: 8}),
    Activity.DIRECT_CALL: Stay(5, 80, {Activity.AVAILABLE: 85, Activity.BUSY: 15}),
    Activity.BUSY: Stay(10, 120, {Activity.AVAILABLE: 1}),
    Activity.ON_EMAIL: Stay(20, 150, {Activity.AVAILABLE: 90, Activity.WRAP_UP: 10}),
}

AT_START: Mapping[Activity, float] = {
    Activity.NEVER_LOGGED_IN: 4,
    Activity.LOGGED_OUT: 18,
    Activity.LOGGED_IN: 1,
    Activity.ON_BREAK: 14,
    Activity.AVAILABLE: 24,
    Activity.WORK_OFFLINE: 6,
    Activity.OFFERED: 3,
    Activity.ON_CALL: 18,
    Activity.WRAP_UP: 5,
    Activity.BUSY: 2,
    Activity.DIRECT_CALL: 2,
    Activity.ON_EMAIL: 3,
}


def first_state(dice: random.Random) -> State:
    """What an agent is doing when the simulation starts."""
    return _enter(_draw(AT_START, dice), None, dice)


def next_state(current: State, dice: random.Random) -> State:
    """What follows `current`: always something that differs from it."""
    return _enter(_draw(STAYS[current.activity].then, dice), current, dice)


def stay_seconds(activity: Activity, dice: random.Random) -> float:
    """How long an agent stays in `activity` this time, in seconds at speed 1."""
    stay = STAYS[activity]
    return stay.least + dice.expovariate(1 / (stay.mean - stay.least))


def _enter(activity: Activity, left: State | None, dice: random.Random) -> State:
    choices = [state for reason in REASONS.get(activity, (None,)) if (state := State(activity, reason)) != left]
    return dice.choice(choices)


def _draw(odds: Mapping[Activity, float], dice: random.Random) -> Activity:
    return dice.choices(tuple(odds), weights=tuple(odds.values()))[0]
