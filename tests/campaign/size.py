"""How large a campaign is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.support.broker import NEWEST
from tests.support.cluster import Cluster
from tests.support.trial import TrialSettings


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many replicas, shards, tenants and agents; `interval` in ms; `faults`: how many of each kind.

    `nodes`: how many the cluster has where the faults are the brokers'; else it is one, which costs less.
    `speed` is the vendor's: 1 lets an agent of ours change every 80 s.
    """

    replicas: int = 3
    shards: int = 12
    nodes: int = 3
    tenants: int
    agents: int
    interval: int
    speed: float
    faults: Mapping[str, int]

    def settings(self, seed: int) -> TrialSettings:
        """Return what the vendor and the services are told."""
        return TrialSettings(
            tenants=self.tenants,
            agents=self.agents,
            speed=self.speed,
            seed=seed,
            interval=f"{self.interval}ms",
            heartbeat=f"{4 * self.interval}ms",
        )


SIZES: Mapping[str, Size] = {
    "ci": Size(
        shards=6,
        nodes=1,
        tenants=6,
        agents=20,
        interval=500,
        speed=20,
        faults={"kills": 6, "freezes": 2, "restarts": 2, "brokers": 2, "network": 2, "config": 2},
    ),
    "small": Size(
        tenants=20,
        agents=20,
        interval=1000,
        speed=5,
        faults={"kills": 20, "freezes": 4, "restarts": 4, "brokers": 4, "network": 4, "config": 6},
    ),
    "big": Size(
        tenants=200,
        agents=50,
        interval=2500,
        speed=0.5,
        faults={"kills": 200, "freezes": 30, "restarts": 30, "brokers": 20, "network": 20, "config": 20},
    ),
}
"""`ci`: each kind within half a minute. `small`: to try a change. `big`: what the guarantees are claimed after."""

FEW = 2
"""How many faults of a kind are played that belongs to no size."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is played: so many faults of a kind, or as many as belong to the size, in an order that the seed decides.

    `kafka`: its version. `without`: the guard that is taken away inside the replicas, of `inside/guards.py`.
    """

    kind: str
    size: str
    seed: int
    count: int | None = None
    kafka: str = NEWEST
    without: str | None = None

    @property
    def measure(self) -> Size:
        """The size itself."""
        return SIZES[self.size]

    @property
    def nodes(self) -> int:
        """How many nodes Kafka has; with several a transaction is written in several requests, so it can be half done."""
        return {"brokers": self.measure.nodes, "late-ends": 3}.get(self.kind, 1)

    def cluster(self) -> Cluster:
        """Return a Kafka to play on, not yet started."""
        return Cluster(nodes=self.nodes, version=self.kafka)

    @property
    def faults(self) -> int:
        """How many faults are played."""
        return self.count or self.measure.faults.get(self.kind, FEW)
