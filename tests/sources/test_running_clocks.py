"""Clocks that stand still: when they prove that an answer is old, and when they prove nothing."""

from __future__ import annotations

import pytest

from streamer.model import AgentStatus
from streamer.sources.running_clocks import RunningClocks

OUT = 9


def agents(**shown: tuple[int, int | None]) -> dict[str, AgentStatus]:
    """Make agents with a code and what their clocks show."""
    return {
        agent: AgentStatus(agent=agent, name=None, vendor={"code": code, "label": None, "time": time}, significant=code)
        for agent, (code, time) in shown.items()
    }


def clocks() -> RunningClocks:
    return RunningClocks(field="time", unsure=frozenset({OUT}))


def standing(clocks: RunningClocks, at: float, **shown: tuple[int, int | None]) -> float:
    """Take an answer that took 0.5 s to come."""
    return clocks.standing(agents(**shown), asked=at, answered=at + 0.5)


def test_standing_is_counted_from_the_answer_that_showed_the_clocks_first() -> None:
    """By then the data was there, so at the next question it is that old at least."""
    watched = clocks()
    assert [standing(watched, at, a=(4, 60)) for at in (0, 5, 10, 20)] == [0, 4.5, 9.5, 19.5]
    assert standing(watched, 30, a=(4, 90)) == 0
    assert standing(watched, 40, a=(4, 90)) == 9.5


@pytest.mark.parametrize("moved", [(4, 61), (4, 3)])
def test_one_clock_that_moves_is_enough(moved: tuple[int, int]) -> None:
    """Also backwards: it began anew."""
    watched = clocks()
    standing(watched, 0, a=(4, 60), b=(0, 5))
    assert standing(watched, 20, a=(4, 60), b=(0, 5)) == 19.5
    assert standing(watched, 30, a=moved, b=(0, 5)) == 0
    assert standing(watched, 40, a=moved, b=(0, 5)) == 9.5


def test_an_agent_who_changed_or_came_says_nothing_of_the_others_clocks() -> None:
    """Old data may differ from older data; the clocks that should have moved decide."""
    watched = clocks()
    standing(watched, 0, a=(4, 60), b=(0, 5))
    assert standing(watched, 20, a=(4, 60), b=(2, 0), c=(0, 1)) == 19.5


@pytest.mark.parametrize("shown", [{}, {"a": (4, None)}])
def test_without_a_clock_nothing_is_proven(shown: dict[str, tuple[int, int | None]]) -> None:
    """A tenant without agents is never stale, nor is one whose agents have no times."""
    watched = clocks()
    assert [standing(watched, at, **shown) for at in (0, 100, 200)] == [0, 0, 0]


def test_where_all_changed_nothing_is_proven() -> None:
    """Counting begins anew then."""
    watched = clocks()
    assert [standing(watched, at, a=(at % 3, 0)) for at in (0, 100, 200)] == [0, 0, 0]
    assert standing(watched, 206, a=(200 % 3, 0)) == 5.5


def test_clocks_that_need_not_run_count_once_one_was_seen_running() -> None:
    """No document says that the clock of somebody who is logged out runs; at night there may be no other."""
    watched = clocks()
    assert [standing(watched, at, a=(OUT, 60), b=(OUT, 70)) for at in (0, 100, 200)] == [0, 0, 0]
    assert standing(watched, 210, a=(OUT, 60), b=(OUT, 80)) == 0
    assert standing(watched, 310, a=(OUT, 60), b=(OUT, 80)) == 99.5


def test_a_version_is_that_of_the_clocks_that_run() -> None:
    """Equal for the same data in whatever order, another after each refresh."""
    watched, versions = clocks(), []
    for shown in ({"a": (4, 60), "b": (0, 5)}, {"b": (0, 5), "a": (4, 60)}, {"a": (4, 70), "b": (0, 15)}):
        standing(watched, 0, **shown)
        versions.append(watched.version)
    assert versions[0] == versions[1] != versions[2]
    assert None not in versions


@pytest.mark.parametrize("shown", [{}, {"a": (4, None)}, {"a": (OUT, 60)}])
def test_without_a_clock_that_runs_there_is_no_version(shown: dict[str, tuple[int, int | None]]) -> None:
    """Data in which nothing moves looks the same after any refresh."""
    watched = clocks()
    standing(watched, 0, **shown)
    assert watched.version is None
