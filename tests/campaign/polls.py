"""The vendor's record of requests: who polled whom, and when."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec

SERVED = frozenset({200, 304})


class Poll(NamedTuple):
    """One answered request, at its arrival (ms since the epoch), by a client: one life of one replica."""

    at: int
    client: str


class _Line(msgspec.Struct):
    at: int
    tenant: str
    client: str
    status: int


class PollLog:
    """Reads the record while it is written; `polls` are those that were served, of each tenant, as they came."""

    def __init__(self, path: Path) -> None:
        """Take where the simulator writes it."""
        self.polls: defaultdict[str, list[Poll]] = defaultdict(list)
        self.unserved: Counter[int] = Counter()
        self._path = path
        self._read = 0

    def more(self) -> Mapping[str, Sequence[Poll]]:
        """Read what has come, and return all that there is."""
        with self._path.open("rb") as file:
            file.seek(self._read)
            for raw in file:
                if not raw.endswith(b"\n"):  # being written
                    break
                self._read += len(raw)
                line = msgspec.json.decode(raw, type=_Line)
                if line.status in SERVED:
                    self.polls[line.tenant].append(Poll(line.at, line.client))
                else:
                    self.unserved[line.status] += 1
        return self.polls

    def last_by_one(self, tenant: str, since: int) -> int:
        """Return how many of the tenant's latest polls, since a moment, came from the client that polled last."""
        count = 0
        for poll in reversed(self.polls[tenant]):
            if poll.at < since or poll.client != self.polls[tenant][-1].client:
                break
            count += 1
        return count


class Manners(NamedTuple):
    """How often the tenants were polled between two moments.

    `per_interval`: polls over those that were due. `shared`: two polls in a row that came from two clients within half
    an interval. `doubled`: where the first client came back soon after another. At most so often did both believe to own
    the tenant: a shard that quickly moves there and back, as in a rolling restart, counts too.
    """

    polls: int
    per_interval: float
    shared: int
    doubled: int


def manners(polls: Mapping[str, Sequence[Poll]], between: tuple[int, int], interval: int) -> Manners:
    """Count the polls of all tenants between two moments, `interval` ms apart when all is well."""
    began, ended = between
    count = shared = doubled = 0
    for of_tenant in polls.values():
        within = sorted(poll for poll in of_tenant if began <= poll.at < ended)
        count += len(within)
        handed = [at for at, (one, other) in enumerate(pairwise(within)) if one.client != other.client]
        for at in handed:
            first, second = within[at], within[at + 1]
            if second.at - first.at < interval / 2:
                shared += 1
            if any(
                later.client == first.client and later.at - first.at < 1.5 * interval
                for later in within[at + 2 : at + 5]
            ):
                doubled += 1
    due = len(polls) * (ended - began) / interval
    return Manners(count, count / due if due else 0.0, shared, doubled)


class Missed(NamedTuple):
    """How many polls tenants missed while something happened: of each tenant and happening."""

    median: float
    worst: int
    histogram: Mapping[int, int]


def missed(polls: Mapping[str, Sequence[Poll]], windows: Sequence[tuple[int, int]], interval: int) -> Missed | None:
    """Count the polls that were due within each window and did not come; None where there is no window."""
    counts = [sum(_gaps(of_tenant, window, interval)) for window in windows for of_tenant in polls.values()]
    if not counts:
        return None
    return Missed(median(counts), max(counts), dict(sorted(Counter(counts).items())))


def _gaps(polls: Sequence[Poll], window: tuple[int, int], interval: int) -> Iterator[int]:
    began, ended = window
    for one, other in pairwise(polls):
        if other.at > began and one.at < ended:
            yield max(0, round((other.at - one.at) / interval) - 1)
