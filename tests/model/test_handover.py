"""The hand-over keeps its promises in every state that it can reach, and each of its guards is needed, or said not to be.

The model is that of `handover.py`; `make campaign-model` checks larger sizes and prints the counter-examples.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import reduce
from importlib import import_module
from pathlib import Path

import pytest

from tests.docs.pages import Page
from tests.model.acting import Size
from tests.model.checker import Step, check
from tests.model.handover import ACTIONS, HandOver
from tests.model.mutations import MUTATIONS, SMALL, Mutation
from tests.model.world import World
from tests.support.broker import ROOT

CITED = sorted({function for each in ACTIONS for function in each.functions})


def test_the_promises_hold_in_every_state_that_two_replicas_can_reach() -> None:
    """Chain, numbers, table, watermark, cache; and from every state the shard can be served again."""
    result = check(HandOver(Size()))
    print(result)  # noqa: T201 - pytest shows it where it fails
    assert result.broken == "", result
    assert result.states > 50_000, "the model has shrunk: is something left out that was looked at before?"


def test_it_makes_no_difference_what_a_fenced_replica_does_before_it_notices() -> None:
    """The larger checks leave that out; here it is looked at, and nothing that it does is ever seen."""
    whole = check(HandOver(SMALL._replace(reduced=False)))
    reduced = check(HandOver(SMALL))
    assert (whole.broken, reduced.broken) == ("", "")
    assert whole.states > 10 * reduced.states


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.what)
def test_a_broken_line_breaks_the_rule_that_it_is_there_for(mutation: Mutation) -> None:
    """Or none, where it is said to be harmless. The page of guarantees says what is found, and in how many steps."""
    result = mutation.check()
    print(result)  # noqa: T201 - pytest shows it where it fails
    assert result.broken.partition(":")[0] == mutation.breaks, result
    assert mutation.row(result) in Page(ROOT / "docs" / "guarantees.md").text


class Counting(HandOver):
    """Notes which actions were taken."""

    taken: set[str]

    def steps(self, state: World) -> Iterator[Step[World]]:
        """Take all that are possible."""
        for action, _ in ACTIONS:
            for step in action(self._terms, state):
                self.taken.add(action.__name__)
                yield step


def test_every_action_is_taken_in_some_state() -> None:
    """An action that never happens would prove nothing. One exists only for a mutation."""
    model = Counting(Size(changes=1))
    model.taken = set()
    check(model)
    assert {each.action.__name__ for each in ACTIONS} - model.taken == {"a_replica_reads_too_soon"}


@pytest.mark.parametrize("function", CITED)
def test_what_the_model_stands_for_is_in_the_product(function: str) -> None:
    """Who renames or removes it is to look whether the model still says what the code does."""
    module, name = _split(function)
    found = reduce(getattr, name.split("."), import_module(module))
    assert callable(found)


def test_the_mutations_that_are_played_with_the_product_are_there() -> None:
    """Each names a scenario of the other suite, which does the same to the real code on a real broker."""
    scenarios = ROOT.joinpath("tests/mutations/test_mutations.py").read_text()
    played = set(re.findall(r"^async def (\w+)\(scene: Scene", scenarios, re.MULTILINE))
    assert {each.played for each in MUTATIONS if each.played} <= played


def _split(function: str) -> tuple[str, str]:
    """Return a function's module and its name within."""
    module = function
    while not Path(ROOT, *module.split(".")).with_suffix(".py").is_file():
        module = module.rpartition(".")[0]
        assert module, f"{function} is in no module"
    return module, function[len(module) + 1 :]
