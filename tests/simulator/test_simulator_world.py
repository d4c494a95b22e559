"""The model of agents at work."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.simulator.activity import Activity, Reason, State
from streamer.simulator.people import FIRST_NAMES, LAST_NAMES
from streamer.simulator.settings import SimulatorSettings
from streamer.simulator.world import Transition, World

HOUR = 3_600_000
History = list[tuple[int, str, int, State | None]]


def history(*, start: int = 0, stops: list[int], **chosen: float) -> History:
    """Every transition up to the last of ``stops`` (ms after the start), the world being advanced at each of them."""
    seen: History = []

    def record(change: Transition) -> None:
        seen.append((change.at - start, change.agent.tenant, change.agent.number, change.state))

    config = SimulatorSettings(**{"tenants": 2, "agents": 8, **chosen})  # type: ignore[arg-type]
    world = World(settings=config, start=start, on_change=record)
    for stop in stops:
        world.advance(start + stop)
    return seen


def by_agent(seen: History) -> dict[tuple[str, int], list[tuple[int, State | None]]]:
    agents = defaultdict(list)
    for at, tenant, number, state in seen:
        agents[tenant, number].append((at, state))
    return dict(agents)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(),
    churn=st.sampled_from([0.0, 0.05]),
    start=st.integers(min_value=0, max_value=2**42),
    stops=st.lists(st.integers(min_value=0, max_value=HOUR), max_size=20),
)
def test_a_history_depends_on_the_seed_alone(seed: int, churn: float, start: int, stops: list[int]) -> None:
    """However often the world is advanced, and whenever it starts, the same happens after the same time."""
    at_once = history(seed=seed, churn=churn, stops=[HOUR])
    in_steps = history(seed=seed, churn=churn, start=start, stops=[*sorted(stops), HOUR])
    assert in_steps == at_once


def test_another_seed_gives_another_history() -> None:
    """The seed is not ignored."""
    assert history(seed=1, stops=[HOUR]) != history(seed=2, stops=[HOUR])


@given(seed=st.integers(), churn=st.sampled_from([0.0, 0.1]))
@settings(max_examples=20, deadline=None)
def test_transitions_come_in_order_and_each_changes_something(seed: int, churn: float) -> None:
    """No transition leads where its agent is already, none is recorded before an earlier one."""
    seen = history(seed=seed, churn=churn, stops=[HOUR])
    assert [at for at, *_ in seen] == sorted(at for at, *_ in seen)
    for steps in by_agent(seen).values():
        assert all(before != after for (_, before), (_, after) in pairwise(steps))
        assert all(before < after for (before, _), (after, _) in pairwise(steps))


def test_all_twelve_activities_occur() -> None:
    """In two teams of the default size every activity is seen within the hour, and breaks for every kind of reason."""
    states = {state for _, _, _, state in history(agents=50, stops=[HOUR])}
    assert {state.activity for state in states if state} == set(Activity)
    breaks = {state.reason for state in states if state and state.activity is Activity.ON_BREAK}
    assert {None, Reason(801, 1725, "Lunch"), Reason(-1, 4)} <= breaks


def test_the_initial_states_are_recorded_first_at_the_start() -> None:
    """Whoever reads the record from its beginning knows every agent at once."""
    seen = history(start=5000, stops=[])
    assert len(seen) == 16
    assert {at for at, *_ in seen} == {0}


def test_speed_divides_the_time_and_changes_nothing_else() -> None:
    """At speed 10 a tenth of the time shows what an hour shows, give or take the rounding."""
    slow = by_agent(history(speed=1, stops=[HOUR]))
    fast = by_agent(history(speed=10, stops=[HOUR // 10]))
    for agent, steps in slow.items():
        for (at, state), (at_fast, state_fast) in zip(steps, fast[agent], strict=False):
            assert state_fast == state
            assert at_fast == pytest.approx(at / 10, abs=len(steps))
        assert abs(len(steps) - len(fast[agent])) <= 1


def test_with_churn_agents_leave_return_and_are_hired() -> None:
    """Some agents that leave the list come back logged out, others are replaced by people never seen before."""
    agents = by_agent(history(churn=0.1, stops=[4 * HOUR]))
    gone = [steps for steps in agents.values() if steps[-1][1] is None]
    followed = [after for steps in agents.values() for (_, before), (_, after) in pairwise(steps) if before is None]
    hired = [steps for (_, number), steps in agents.items() if number >= 8]
    assert gone
    assert followed
    assert all(state == State(Activity.LOGGED_OUT) for state in followed)
    assert hired
    assert all(steps[0][1] == State(Activity.NEVER_LOGGED_IN) for steps in hired)


def test_without_churn_nobody_ever_leaves_the_list() -> None:
    """Churn is off unless asked for."""
    assert all(state is not None for _, _, _, state in history(stops=[8 * HOUR]))


def test_a_forced_state_lasts_its_time_and_leaves_others_alone() -> None:
    """Forcing one agent is a transition like any other, and no other agent's history moves by it."""
    seen: History = []

    def record(change: Transition) -> None:
        seen.append((change.at, change.agent.tenant, change.agent.number, change.state))

    world = World(settings=SimulatorSettings(tenants=2, agents=8), start=0, on_change=record)
    agent = world.tenants["sim-001"][3]
    wanted = State(Activity.ON_EMAIL, Reason(9, 9, "Odd"))
    world.advance(60_000)
    assert world.force(60_001, agent, wanted)
    assert not world.force(60_002, agent, wanted)
    world.advance(HOUR)
    forced = by_agent(seen)
    own = forced.pop(("sim-001", 3))
    assert own.count((60_001, wanted)) == 1
    assert own.index((60_001, wanted)) < len(own) - 1
    undisturbed = by_agent(history(stops=[HOUR]))
    del undisturbed["sim-001", 3]
    assert forced == undisturbed


def test_a_frozen_world_moves_only_by_force() -> None:
    """After a freeze time passes and nothing happens, except what is forced."""
    seen: list[Transition] = []
    world = World(settings=SimulatorSettings(tenants=1, agents=8), start=0, on_change=seen.append)
    world.freeze()
    world.advance(24 * HOUR)
    assert len(seen) == 8
    assert world.now == 24 * HOUR
    assert world.force(24 * HOUR + 1, world.tenants["sim-001"][0], None)
    assert (seen[-1].at, seen[-1].state) == (24 * HOUR + 1, None)


def test_names_come_from_the_published_lists() -> None:
    """A search for the listed names finds every agent's name."""
    world = World(settings=SimulatorSettings(tenants=1, agents=200), start=0, on_change=lambda _: None)
    names = [agent.name for agent in world.tenants["sim-001"]]
    assert len(set(names)) > 100
    assert all(name.split(" ")[0] in FIRST_NAMES and name.split(" ")[1] in LAST_NAMES for name in names)


@pytest.mark.parametrize(
    ("setting", "value", "rule"),
    [
        ("tenants", 0, "at least 1"),
        ("agents", 0, "at least 1"),
        ("speed", 0, "above 0"),
        ("churn", 1.5, "from 0 to 1"),
        ("clock_skew", -100_000, "from -86400 to 86400"),
        ("stats_cache", 61, "from 0 to 60"),
        ("page_size", 0, "at least 1"),
        ("token_life", 0, "above 0"),
        ("port", 70000, "from 0 to 65535"),
    ],
)
def test_a_bad_setting_is_named(setting: str, value: int, rule: str) -> None:
    """The error says which setting, its value and what it must be."""
    with pytest.raises(ValueError, match=f"^simulator setting {setting} is {value}; it must be {rule}$"):
        SimulatorSettings(**{setting: value})  # type: ignore[arg-type]
