"""What is on during a campaign: the vendor, the replicas, a reader who reads along; and a diary of what was done."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from tests.campaign.polls import PollLog
from tests.campaign.replica import Replica
from tests.campaign.size import Part
from tests.campaign.takeovers import Fault
from tests.campaign.vitals import Vitals
from tests.oracle import Evidence, Facts, Message
from tests.support.churn import ConfigChurn
from tests.support.cluster import Cluster
from tests.support.network import Line, Network
from tests.support.polled import polled, truth_of
from tests.support.programs import ProgramError, wait_until
from tests.support.readers import EVENTS, ROWS, TENANTS, Follower
from tests.support.trial import ABSENT_AFTER, QUIET_POLLS, Place, service_config, simulator_of

WHOLE_WITHIN = 90.0
"""Seconds in which everything must be as before a fault, once it is over."""

SETTLED_WITHIN = 120.0

CALM_POLLS = 16
"""Polls of each tenant after the last fault, while the vendor's agents still change."""

LATE = 6.5
"""Seconds by which a request is late: whoever sent it has sent it again by then."""

DISTURBED = frozenset({"network", "late-ends"})
"""The kinds for which each replica has a line of its own to the brokers."""


def now() -> int:
    """Return the time as the simulator tells it: ms since the epoch."""
    return time.time_ns() // 1_000_000


class Stage:
    """Entered, all replicas serve; `end` lets everything settle and gives the evidence."""

    def __init__(self, part: Part, place: Place, *, folder: Path, cluster: Cluster) -> None:
        """Take what is to be played, the store, its cluster, and a folder for files."""
        self.place = place
        self.cluster = cluster
        self.network = Network(cluster.bootstrap, later=LATE) if part.kind in DISTURBED else None
        self.lines: dict[str, Line] = {}
        self.size = part.measure
        self.settings = self.size.settings(part.seed)
        self.folder = folder
        self.simulator = simulator_of(self.settings, folder)
        self.log = PollLog(self.simulator.requests)
        self.faults: list[Fault] = []
        self.restarts: list[tuple[int, int]] = []
        self.ended_by_themselves: list[str] = []
        self.churn: ConfigChurn | None = None
        self.replicas = [
            Replica(f"r{number}", config=self.config, folder=folder / f"r{number}")
            for number in range(1, self.size.replicas + 1)
        ]
        for replica in self.replicas if part.without else ():
            replica.environment["CAMPAIGN_WITHOUT"] = part.without or ""
        self.vitals = Vitals(lambda: [each.watched for each in self.replicas if each.serving])
        self.began = self.ended = 0
        self._agenda: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._stack = ExitStack()
        self._live: Follower

    def __enter__(self) -> Self:
        """Start everything and wait until every tenant is polled."""
        self._stack.enter_context(self.simulator)
        if self.network is not None:
            network = self._stack.enter_context(self.network)
            self.lines = {replica.name: network.line() for replica in self.replicas}
        for replica in self.replicas:
            self._stack.callback(replica.close)
        for replica in self.replicas[:1] if self.place.is_static else self.replicas:
            replica.start()
        self.whole()
        self._live = self._stack.enter_context(self.place.reader.follow(EVENTS))
        self._stack.enter_context(self.vitals)
        self.began = now()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing running."""
        self._stack.close()

    def config(self, client: str) -> Mapping[str, Any]:
        """Return the config of one life of a replica."""
        config = service_config(self.place, self.settings, f"{self.simulator.base_url}/_client/{client}")
        if line := self.lines.get(client.partition(".")[0]):
            config["kafka"] = {**config["kafka"], "bootstrap_servers": line.bootstrap.split(",")}
        return self.churn.applied(config) if self.churn else config

    @property
    def tenants(self) -> Sequence[str]:
        """All tenants that the vendor has."""
        return [each.id for each in polled(self.settings.tenants, self.settings.sources)]

    def topic(self, name: str) -> str:
        """Return a topic's name with the prefix."""
        return f"{self.place.config['kafka']['topic_prefix']}{name}"

    @property
    def interval(self) -> float:
        """The polling interval in seconds."""
        return self.size.interval / 1000

    @contextmanager
    def fault(self, kind: str, victim: str) -> Iterator[Fault]:
        """Note down that something is done to a client or the broker, as long as the context lasts."""
        fault = Fault(kind=kind, victim=victim, at=now())
        self.faults.append(fault)
        try:
            yield fault
        finally:
            fault.until = now()

    @contextmanager
    def rolling(self) -> Iterator[None]:
        """Note down a time in which the replicas are restarted one by one."""
        since = now()
        yield
        self.restarts.append((since, now()))

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Do something in so many seconds, while somebody waits in `pause` or `whole`."""
        heapq.heappush(self._agenda, (time.monotonic() + seconds, next(self._numbers), action))

    def pause(self, seconds: float) -> None:
        """Let everything go on for so many seconds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.look_after()
            time.sleep(0.02)

    def look_after(self) -> None:
        """Do what is due, and start again what ended by itself, as Kubernetes would."""
        while self._agenda and self._agenda[0][0] <= time.monotonic():
            heapq.heappop(self._agenda)[-1]()
        for replica in self.replicas:
            if replica.wanted and not replica.running:
                self.ended_by_themselves.append(f"{replica.client}: {replica.log_tail(1)}")
                replica.start()

    def whole(self, *, within: float = WHOLE_WITHIN) -> None:
        """Wait until nothing is left to be done, all replicas are ready, and every tenant was polled by one of them."""
        since = now()

        def is_whole() -> bool:
            self.look_after()
            wanted = [replica for replica in self.replicas if replica.wanted]
            if self._agenda or not all(replica.serving and replica.ready() for replica in wanted):
                return False
            clients, polls = {replica.client for replica in wanted}, self.log.more()
            return all(
                (own := polls.get(tenant)) and own[-1].at >= since and own[-1].client in clients
                for tenant in self.tenants
            )

        self._wait(is_whole, "all replicas are ready and all tenants polled", within)

    def retire(self, replica: Replica) -> None:
        """Stop a replica for good, in good order."""
        code = replica.stop()
        assert code == 0, f"{replica.client} ended with {code}:\n{replica.log_tail()}"

    def settle(self) -> None:
        """Let nothing more happen at the vendor, and wait until all that happened must have been told.

        Before that, nothing breaks for a while: a service that is out of order much of the time promises little.
        """
        self.whole()
        self._wait_for_polls(CALM_POLLS)
        self.simulator.freeze()
        self._wait_for_polls(QUIET_POLLS)

    def stop(self) -> None:
        """Stop all replicas in good order, side by side."""
        self.ended = now()
        with ThreadPoolExecutor(len(self.replicas)) as pool:
            list(pool.map(self.retire, [replica for replica in self.replicas if replica.wanted]))

    def evidence(self) -> Evidence:
        """Read what was published and what is true by now."""
        read = self.place.reader.read
        return Evidence(
            events=read(EVENTS),
            rows=read(ROWS),
            tenants=read(TENANTS),
            truth=truth_of(self.simulator.truth(), polled(self.settings.tenants, self.settings.sources)),
            facts=Facts(absent_after=ABSENT_AFTER, settled=self.tenants),
        )

    def seen_live(self, count: int) -> list[Message]:
        """Return the events that a reader got while they were published."""
        return self._live.finish(count)

    def _wait_for_polls(self, count: int) -> None:
        since = now()

        def are_had() -> bool:
            self.look_after()
            self.log.more()
            return all(self.log.last_by_one(tenant, since) >= count for tenant in self.tenants)

        self._wait(are_had, f"each tenant was polled {count} times by its owner", SETTLED_WITHIN)

    def _wait(self, holds: Callable[[], bool], what: str, within: float) -> None:
        try:
            wait_until(holds, what, within=within, every=0.1)
        except ProgramError as error:
            logs = "\n".join(
                f"--- {replica.client}\n{replica.log_tail()}" for replica in self.replicas if replica.starts
            )
            raise ProgramError(f"{error}\n{logs}") from error
