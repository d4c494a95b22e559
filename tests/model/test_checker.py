"""The checker finds what is there to find, by the shortest way, in models that can be checked by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.model.checker import Step, TooManyStatesError, check

Jugs = tuple[int, int]


@dataclass(frozen=True)
class Pouring:
    """Two jugs that hold so many litres; `wanted` in either of them is what must not be."""

    large: int = 5
    small: int = 3
    wanted: int = 4
    leaks: bool = False

    def initial(self) -> Jugs:
        """Both are empty."""
        return (0, 0)

    def steps(self, state: Jugs) -> Iterator[Step[Jugs]]:
        """Fill one, empty one, pour from one into the other until that is full."""
        large, small = state
        yield Step("fill the large one", (self.large, small))
        yield Step("fill the small one", (large, self.small))
        if not self.leaks:
            yield Step("empty the large one", (0, small))
            yield Step("empty the small one", (large, 0))
        over = min(large, self.small - small)
        yield Step("pour the large one into the small one", (large - over, small + over))
        over = min(small, self.large - large)
        yield Step("pour the small one into the large one", (large + over, small - over))

    def simplified(self, state: Jugs) -> Jugs:
        """All of it matters."""
        return state

    def canonical(self, state: Jugs) -> Jugs:
        """The jugs differ in more than their names."""
        return state

    def broken(self, state: Jugs) -> str:
        """Four litres must not be measured."""
        return f"{self.wanted} litres" if self.wanted in state else ""

    def settled(self, state: Jugs) -> bool:
        """Both are empty."""
        return state == (0, 0)


def test_a_counter_example_is_the_shortest_and_can_be_read() -> None:
    """Six steps measure four litres with jugs of five and three, and no fewer do."""
    result = check(Pouring())
    assert result.broken == "4 litres"
    assert result.story == (
        "fill the large one",
        "pour the large one into the small one",
        "empty the small one",
        "pour the large one into the small one",
        "fill the large one",
        "pour the large one into the small one",
    )
    assert "   6. pour the large one into the small one\n   => 4 litres" in str(result)


def test_every_state_is_looked_at_where_nothing_breaks() -> None:
    """Sixteen of the states that two jugs of five and three have are within reach: one jug is full or empty in each."""
    result = check(Pouring(wanted=9))
    assert (result.broken, result.states) == ("", 16)
    assert str(result).startswith("16 states, ")


def test_a_state_from_which_there_is_no_way_back_is_found() -> None:
    """Jugs that can't be emptied never are again."""
    result = check(Pouring(wanted=9, leaks=True))
    assert result.broken.startswith("progress")
    assert result.story in {("fill the large one",), ("fill the small one",)}


class Unlucky(Pouring):
    """Emptying happens, but nobody can count on it."""

    def steps(self, state: Jugs) -> Iterator[Step[Jugs]]:
        """Make it a fault."""
        return (each._replace(fault=each.text.startswith("empty")) for each in super().steps(state))


def test_a_way_back_that_needs_a_fault_is_none() -> None:
    """What must be within reach must be so without bad luck; faults break rules all the same."""
    assert check(Unlucky(wanted=9)).broken.startswith("progress")
    assert check(Unlucky()).broken == "4 litres"


def test_a_model_that_is_too_large_is_refused() -> None:
    """Rather than half of it being called checked."""
    with pytest.raises(TooManyStatesError, match="more than 10"):
        check(Pouring(wanted=9), most=10)
