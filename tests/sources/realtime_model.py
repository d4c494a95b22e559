"""A model of 8x8's real-time statistics: one agent, whole seconds, a cache that is refreshed every ten of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from streamer.clock import SystemClock
from streamer.config import LiteralSecret, RealTimeStats8x8
from streamer.diff.absence import AbsenceRules
from streamer.diff.differ import Change
from streamer.diff.plan import PollRules, plan_poll
from streamer.diff.state import TenantState
from streamer.model import Millis, Snapshot, Window
from streamer.sources.documented import UnknownFields
from streamer.sources.eight_by_eight_realtime_payload import read_agents, statuses_of
from streamer.sources.eight_by_eight_realtime_stats import EightByEightRealTimeStats
from streamer.sources.http import Http

START: Millis = 1_800_000_000_000
CACHE: Millis = 10_000
RULES = PollRules(absence=AbsenceRules(absent_after=3))


class Stint(Struct, frozen=True):
    """A status that was entered at `entered`; its clock began at `clock`, earlier if it ran on from the one before."""

    entered: Millis
    clock: Millis
    code: int
    item: int | None


class Poll(Struct, frozen=True):
    """A poll that was asked at `asked`, answered at `answered`; the server looked into its cache at `looked`."""

    asked: Millis
    looked: Millis
    answered: Millis

    @property
    def window(self) -> Window:
        """The window of its snapshot."""
        return Window(start=self.asked - CACHE, end=self.answered)

    def shown(self, phase: Millis) -> Millis:
        """Return when what it shows was true: the last refresh of the cache."""
        return self.looked - (self.looked - phase) % CACHE


class Seen(Struct, frozen=True):
    """What one poll came to: the stint that was shown, and the change that was made of it, if any."""

    stint: Stint
    change: Change | None


Rounding = Callable[[Millis, Millis], int]
ROUNDINGS: Sequence[Rounding] = (
    lambda now, began: (now - began) // 1000,
    lambda now, began: -((began - now) // 1000),
    lambda now, began: round((now - began) / 1000),
    lambda now, began: now // 1000 - began // 1000,
)
"""Ways to count seconds: cut off, begun, nearest, and the difference of two clocks without milliseconds."""


def history(steps: Sequence[tuple[Millis, int, int | None]], *, runs_on: bool) -> list[Stint]:
    """Make stints of how long each lasts, its code and its item; `runs_on`: a new item alone begins no new clock."""
    stints: list[Stint] = []
    entered = START - 3_600_000
    for length, code, item in steps:
        goes_on = bool(stints) and stints[-1].code == code
        if not (goes_on and stints[-1].item == item):
            clock = stints[-1].clock if goes_on and runs_on else entered
            stints.append(Stint(entered, clock, code, item))
        entered = (START if len(stints) == 1 else entered) + length
    return stints


def source() -> EightByEightRealTimeStats:
    """Make a source that is only asked what statuses mean."""
    clock = SystemClock()
    config = RealTimeStats8x8(id="acme", platform="na4", username="acme", password=LiteralSecret("x"))
    return EightByEightRealTimeStats(config=config, http=Http(clock=clock), clock=clock)


def watch(stints: Sequence[Stint], polls: Sequence[Poll], *, phase: Millis, rounding: Rounding) -> list[Seen]:
    """Poll a vendor with that history; fail at a view taken for an older one and at a time taken for a clock fault."""
    state, vocabulary, seen = TenantState(tenant="acme"), source(), []
    for poll in polls:
        shown = poll.shown(phase)
        stint = next(each for each in reversed(stints) if each.entered <= shown)
        item: dict[str, Any] = {"agent-id": "a", "agent-status": stint.code, "status-code-item-id": stint.item}
        body = msgspec.json.encode([{**item, "time-in-status": rounding(shown, stint.clock)}])
        agents = statuses_of(read_agents(body, form="json", names=True, unknown=UnknownFields()), window=poll.window)
        snapshot = Snapshot(tenant="acme", window=poll.window, agents=agents)
        plan = plan_poll(state, snapshot, vocabulary=vocabulary, rules=RULES, now=poll.answered)
        assert plan.difference is not None
        assert (plan.difference.older, plan.difference.clock_faults, plan.refused) == (0, 0, ())
        state = plan.state
        seen.append(Seen(stint, next(iter(plan.difference.changes), None)))
    return seen
