"""Which faults strike, when, and what is said about a bad list of them."""

from __future__ import annotations

import base64
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.simulator.faults import KINDS, FaultError, FaultPlan, describe_faults, parse_faults


def test_a_list_of_faults_is_read_entry_by_entry() -> None:
    """Name, probability and argument; what is left out has its default, and an argument may hold colons."""
    faults = parse_faults(" 429:0.2:5, reset ,slow:.5,, redirect:1:https://elsewhere.example:8443/x")
    assert [(fault.name, fault.probability, fault.argument) for fault in faults] == [
        ("429", 0.2, "5"),
        ("reset", 1.0, ""),
        ("slow", 0.5, "10"),
        ("redirect", 1.0, "https://elsewhere.example:8443/x"),
    ]
    assert parse_faults("") == ()


def test_an_unknown_fault_is_named_and_the_known_ones_are_listed() -> None:
    """The message is all that somebody at a terminal needs."""
    expected = f"unknown fault 'frogs' in 'frogs:0.1'; known faults: {', '.join(KINDS)}"
    with pytest.raises(FaultError, match=f"^{re.escape(expected)}$"):
        parse_faults("reset,frogs:0.1")


@pytest.mark.parametrize("probability", ["x", "-0.1", "1.5", "nan"])
def test_a_bad_probability_is_named(probability: str) -> None:
    """With the entry it stands in."""
    with pytest.raises(FaultError, match=f"fault 'reset:{probability}': .*'{probability}'; it must be from 0 to 1"):
        parse_faults(f"reset:{probability}")


@pytest.mark.parametrize(
    "entry",
    [
        "slow:1:soon", "slow:1:-1", "drip:1:nan", "oversize:1:big", "gzip-bomb:1:1e3", "unknown-status:1:x",
        "503:1:date+x", "lagging:1:61", "wrapper:1:rows", "body:1:*", "body:1:abc",
    ],
)  # fmt: skip
def test_a_bad_argument_is_refused_before_it_strikes(entry: str) -> None:
    """The error names the entry and the argument."""
    argument = re.escape(repr(entry.split(":")[2]))
    with pytest.raises(FaultError, match=f"^fault {re.escape(repr(entry))}: the argument {argument} is no good: "):
        parse_faults(entry)


def test_every_fault_is_described() -> None:
    """The help has one line for each, beginning with its name."""
    assert [line.split()[0] for line in describe_faults().splitlines()] == list(KINDS)


@given(body=st.binary(max_size=50))
def test_any_body_can_be_given_as_an_argument(body: bytes) -> None:
    """In base64url, which holds neither commas nor colons."""
    argument = base64.urlsafe_b64encode(body).decode()
    assert [fault.argument for fault in parse_faults(f"body:1:{argument},reset")] == [argument, ""]


def struck(plan: FaultPlan, tenant: str, requests: int, *, source: str = "google-ccaip") -> list[str | None]:
    drawn = (plan.draw(tenant, request, source=source)[0] for request in range(requests))
    return [fault.name if fault else None for fault in drawn]


@given(seed=st.integers())
def test_what_strikes_depends_on_the_seed_alone(seed: int) -> None:
    """The same requests of a tenant meet the same faults in every run."""
    first, second = (FaultPlan(seed=seed, faults="429:0.2,reset:0.3") for _ in range(2))
    assert struck(first, "sim-001", 50) == struck(second, "sim-001", 50)


def test_faults_strike_as_often_as_they_should() -> None:
    """The first of the list at its probability, the second at its own among the requests that are left."""
    plan = FaultPlan(seed=1, faults="429:0.2,reset:0.5,slow:0")
    counts = Counter(struck(plan, "sim-001", 4000))
    assert counts["429"] == pytest.approx(800, rel=0.1)
    assert counts["reset"] == pytest.approx(1600, rel=0.1)
    assert counts["slow"] == 0
    assert struck(plan, "sim-001", 50) != struck(plan, "sim-002", 50)


def test_a_tenants_own_faults_replace_those_of_all_until_all_are_replaced() -> None:
    """An empty list of its own frees one tenant; a new list for all is for all."""
    plan = FaultPlan(seed=1, faults="reset")
    plan.replace((), tenant="sim-001")
    assert struck(plan, "sim-001", 1) == [None]
    assert struck(plan, "sim-002", 1) == ["reset"]
    plan.replace(parse_faults("404"))
    assert struck(plan, "sim-001", 1) == struck(plan, "sim-002", 1) == ["404"]


def test_a_fault_of_one_source_never_strikes_another() -> None:
    """Where it cannot be carried out the next of the list has its chance."""
    plan = FaultPlan(seed=1, faults="torn-pages,stuck-cache,500")
    assert struck(plan, "sim-001", 1, source="vonage-agent-status") == ["torn-pages"]
    assert struck(plan, "sim-001", 1, source="8x8-realtime-stats") == ["stuck-cache"]
    assert struck(plan, "sim-001", 1, source="8x8-agent-status") == ["500"]
