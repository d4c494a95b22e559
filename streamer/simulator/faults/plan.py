"""Which fault strikes which request."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import msgspec

from streamer.simulator.faults.answers import ANSWERS
from streamer.simulator.faults.behind import BEHIND
from streamer.simulator.faults.bodies import BODIES
from streamer.simulator.faults.call import Kind
from streamer.simulator.faults.markup import MARKUP
from streamer.simulator.faults.transport import TRANSPORT

KINDS: Mapping[str, Kind] = {**ANSWERS, **BODIES, **MARKUP, **BEHIND, **TRANSPORT}


class FaultError(ValueError):
    """A list of faults that cannot be carried out; the message says which entry and why."""


class Fault(msgspec.Struct, frozen=True):
    """A known kind of fault, the probability (0 to 1) that it strikes a request, and its argument."""

    name: str
    probability: float
    argument: str

    @property
    def kind(self) -> Kind:
        """What the name stands for."""
        return KINDS[self.name]


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Read `name[:probability[:argument]]`, separated by commas; an empty text means none.

    The argument may itself hold colons. Raises `FaultError`.
    """
    return tuple(_parse(entry.strip()) for entry in text.split(",") if entry.strip())


def describe_faults() -> str:
    """One line of help for each kind of fault."""
    return "\n".join(
        f"{name:<17} {kind.effect:<9} {kind.help}"
        + (f" (default {kind.default})" if kind.default else "")
        + (f" ({kind.only} alone)" if kind.only else "")
        for name, kind in KINDS.items()
    )


class FaultPlan:
    """The faults of every tenant: one list for all, and lists of single tenants that replace it.

    Of a tenant's list the first fault whose probability hits strikes. What hits is drawn from (seed, tenant, number
    of the tenant's request): it is the same in every run, whatever other tenants do.
    """

    def __init__(self, *, seed: int, faults: str = "") -> None:
        self._seed = seed
        self._of_all = parse_faults(faults)
        self._of_tenant: dict[str, tuple[Fault, ...]] = {}
        self._idle = random.Random(seed)
        """What no fault draws from: making one for each request was a good part of a request's cost."""

    def replace(self, faults: Sequence[Fault], *, tenant: str | None = None) -> None:
        """From now on `tenant` has these faults; without a tenant all have, and no tenant a list of its own."""
        if tenant is None:
            self._of_all = tuple(faults)
            self._of_tenant.clear()
        else:
            self._of_tenant[tenant] = tuple(faults)

    def draw(self, tenant: str, request: int, *, source: str) -> tuple[Fault | None, random.Random]:
        """The fault that strikes the tenant's request with this number, if any, and the randomness left for it.

        Faults of other sources are passed over.
        """
        listed = self._of_tenant.get(tenant, self._of_all)
        if not listed:
            return None, self._idle
        dice = random.Random(f"{self._seed}/{tenant}/request/{request}")
        faults = [fault for fault in listed if fault.kind.only in (None, source)]
        return next((fault for fault in faults if dice.random() < fault.probability), None), dice


def _parse(entry: str) -> Fault:
    name, _, rest = entry.partition(":")
    probability_text, _, argument = rest.partition(":")
    kind = KINDS.get(name)
    if kind is None:
        raise FaultError(f"unknown fault {name!r} in {entry!r}; known faults: {', '.join(KINDS)}")
    try:
        probability = float(probability_text or 1)
    except ValueError:
        probability = -1
    if not 0 <= probability <= 1:
        raise FaultError(f"fault {entry!r}: the probability is {probability_text!r}; it must be from 0 to 1")
    argument = argument or kind.default
    try:
        kind.check(argument)
    except ValueError as error:
        raise FaultError(f"fault {entry!r}: the argument {argument!r} is no good: {error}") from error
    return Fault(name, probability, argument)
