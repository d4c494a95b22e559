"""How long it took, after a fault, until the tenants that the struck replica had polled were polled by another."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from tests.campaign.polls import Poll

OWNED_WITHIN = 3
"""Intervals within which a replica must have polled a tenant last, to have been its owner."""

ALONE = 10_000
"""Milliseconds for which a fault may disturb what follows it: a session and some."""


@dataclass(kw_only=True)
class Fault:
    """Something that was done: to a client (a life of a replica) or to the broker, from when until when, in ms."""

    kind: str
    victim: str
    at: int
    until: int = 0


class TakeOver(NamedTuple):
    """One shard that changed hands: how many ms passed until its first and its last tenant were polled by another.

    `alone`: nothing else had happened shortly before, and nothing did until the end. `after_all`: how many ms of `last`
    came after the last fault among them had begun or ended: whoever is struck meanwhile begins the wait anew.
    """

    kind: str
    shard: int
    first: int
    last: int
    alone: bool
    after_all: int


class Times(NamedTuple):
    """Of several take-overs, in seconds, until the last tenant of the shard was polled; also since the last fault in it."""

    shards: int
    median: float
    worst: float
    worst_after_all: float


def take_overs(
    faults: Sequence[Fault], polls: Mapping[str, Sequence[Poll]], shards: Mapping[str, int], interval: int
) -> Iterator[TakeOver]:
    """Yield each shard's take-over after each fault of a replica; one that did not come, as nothing moved, is none."""
    for fault in faults:
        waited: defaultdict[int, list[int]] = defaultdict(list)
        for tenant, of_tenant in polls.items():
            at = bisect_left(of_tenant, (fault.at,))
            owner = of_tenant[at - 1] if at else None
            if owner is None or owner.client != fault.victim or owner.at < fault.at - OWNED_WITHIN * interval:
                continue
            taken = next((poll.at for poll in of_tenant[at:] if poll.client != fault.victim), None)
            if taken is not None:
                waited[shards[tenant]].append(taken - fault.at)
        for shard, times in waited.items():
            end = fault.at + max(times)
            alone = all(other is fault or other.at > end or _over(other) < fault.at for other in faults)
            latest = max(at for other in faults for at in (other.at, other.until) if at <= end)
            yield TakeOver(fault.kind, shard, min(times), max(times), alone, end - latest)


def times_of(taken: Sequence[TakeOver]) -> Times | None:
    """Sum up take-overs; None where there is none."""
    if not taken:
        return None
    last = [each.last / 1000 for each in taken]
    after_all = max(each.after_all for each in taken) / 1000
    return Times(len(last), round(median(last), 2), round(max(last), 2), round(after_all, 2))


def _over(fault: Fault) -> int:
    """Return when the replicas have forgotten a fault: a stop in good order at once, others once a session has passed."""
    return fault.until + (0 if fault.kind == "stop" else ALONE)
