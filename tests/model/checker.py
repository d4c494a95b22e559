"""A checker of models with finitely many states: breadth first, so a counter-example is one of the shortest.

A model says how it begins and which steps lead on from a state. Every state that can be reached is looked at. Of states
that differ in names alone (`canonical`) one is.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, NamedTuple, Protocol, TypeVar

State = TypeVar("State", bound=Hashable)


class Step(NamedTuple, Generic[State]):
    """One step of a model: what it says, and the state after it.

    A `fault` is what nobody can count on and nobody may rely on not happening. `broken` is why the step must not be
    possible, empty if it may.
    """

    text: str
    state: State
    fault: bool = False
    broken: str = ""


class Model(Protocol[State]):
    """What is checked."""

    def initial(self) -> State:
        """Return the state in which it begins."""

    def steps(self, state: State) -> Iterable[Step[State]]:
        """Return all steps that are possible in a state."""

    def simplified(self, state: State) -> State:
        """Return the state without what makes no difference to what can happen from here on."""

    def canonical(self, state: State) -> State:
        """Return the one state that stands for all that, simplified, differ from this one in names alone."""

    def broken(self, state: State) -> str:
        """Return which invariant a state breaks, and how; empty if none."""

    def settled(self, state: State) -> bool:
        """Tell whether all is well in a state: one such state must be within reach of every state, without a fault."""


class Result(NamedTuple):
    """What came of a check. `story` tells how a rule can be broken, one line a step; empty if none can be."""

    states: int
    transitions: int
    depth: int
    seconds: float
    broken: str
    story: tuple[str, ...]

    def __str__(self) -> str:
        found = f"{self.states:,} states, {self.transitions:,} transitions, depth {self.depth}, {self.seconds:.1f} s"
        lines = [f"{number:>4}. {line}" for number, line in enumerate(self.story, 1)]
        return "\n".join([found, *lines, f"   => {self.broken}"] if self.broken else [found])


class TooManyStatesError(Exception):
    """The model has more states than the caller is ready to look at."""


def check(model: Model[State], *, most: int = 10_000_000) -> Result:
    """Look at every state that can be reached; stop at the first that breaks a rule.

    Raises:
        TooManyStatesError: there are more than `most`.

    """
    return _Search(model, most).run()


class _Search(Generic[State]):
    """One check. A state's number is its place in `states`; `came_from` holds the number of the one before it."""

    def __init__(self, model: Model[State], most: int) -> None:
        self.model = model
        self.most = most
        self.numbers: dict[State, int] = {}
        self.states: list[State] = []
        self.came_from = array("l")
        self.edges_from = array("l")  # the steps without a fault, for the question of progress
        self.edges_to = array("l")
        self.transitions = 0
        self.depth = 0
        self.began = time.perf_counter()

    def run(self) -> Result:
        start = self.model.canonical(self.model.initial())
        self._number(start, -1)
        if broken := self.model.broken(start):
            return self._result(broken, [start])
        done = 0
        while done < len(self.states):
            level_ends = len(self.states)
            for number in range(done, level_ends):
                if (result := self._expand(number)) is not None:
                    return result
            done = level_ends
            self.depth += 1
        stuck = self._stuck()
        return self._result(
            "" if stuck is None else "progress: from here no state is within reach in which all is well", stuck
        )

    def _expand(self, number: int) -> Result | None:
        state = self.states[number]
        for step in self.model.steps(state):
            self.transitions += 1
            after = self.model.canonical(step.state)
            known = self.numbers.get(after)
            broken = step.broken or ("" if known is not None else self.model.broken(after))
            if broken:
                return self._result(broken, [*self._path(number), after])
            if known is None:
                known = self._number(after, number)
            if not step.fault:
                self.edges_from.append(number)
                self.edges_to.append(known)
        return None

    def _number(self, state: State, came_from: int) -> int:
        number = len(self.states)
        if number >= self.most:
            raise TooManyStatesError(f"more than {self.most:,} states")
        self.numbers[state] = number
        self.states.append(state)
        self.came_from.append(came_from)
        return number

    def _stuck(self) -> list[State] | None:
        """Return the path to a state from which no settled one is within reach without a fault; None if there is none."""
        into: list[list[int]] = [[] for _ in self.states]
        for before, after in zip(self.edges_from, self.edges_to, strict=True):
            into[after].append(before)
        fine = bytearray(self.model.settled(state) for state in self.states)
        waiting = [number for number, good in enumerate(fine) if good]
        while waiting:
            for before in into[waiting.pop()]:
                if not fine[before]:
                    fine[before] = True
                    waiting.append(before)
        number = fine.find(0)
        return None if number < 0 else self._path(number)

    def _path(self, number: int) -> list[State]:
        path = []
        while number >= 0:
            path.append(self.states[number])
            number = self.came_from[number]
        return path[::-1]

    def _result(self, broken: str, path: list[State] | None) -> Result:
        return Result(
            states=len(self.states),
            transitions=self.transitions,
            depth=self.depth,
            seconds=time.perf_counter() - self.began,
            broken=broken,
            story=tuple(self._told(path)) if path else (),
        )

    def _told(self, path: list[State]) -> Iterator[str]:
        """Tell a path again with everybody keeping their name, which canonical states do not."""
        state = self.model.initial()
        for wanted in path[1:]:
            steps = [each for each in self.model.steps(state) if self.model.canonical(each.state) == wanted]
            step = max(steps, key=lambda each: bool(each.broken))
            yield step.text
            state = self.model.simplified(step.state)
