"""Several real Kafka nodes that are one cluster, each of which can be stopped, killed, frozen and started again.

    with Cluster() as cluster:
        cluster[2].kill()                                    # each node is a `broker.Broker`
        cluster[cluster.leader("agent-status", 0)].freeze()
        cluster.start()                                      # whichever nodes are down, together
        cluster.wait_healthy()

Controllers and brokers are the same nodes: of three, one may be away without anybody noticing for long. With two away
nothing can be committed, and nothing new can be elected, until one is back.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.support.broker import NEWEST, Broker, BrokerError, seats

if TYPE_CHECKING:
    from types import TracebackType

HEALTHY_WITHIN: Final = 60.0
ASKED_WITHIN: Final = 5.0
"""Seconds in which a node that is there tells about the cluster."""

TRANSACTIONS: Final = "__transaction_state"
GROUPS: Final = "__consumer_offsets"
COORDINATORS: Final = 4
"""Partitions of both internal topics, as `broker.DEFAULTS` says."""


def shared_by(nodes: int) -> Mapping[str, str]:
    """Return the server properties of a cluster that loses nothing with one node away."""
    in_sync = max(1, nodes - 1)
    return {
        "default.replication.factor": str(nodes),
        "min.insync.replicas": str(in_sync),
        "offsets.topic.replication.factor": str(nodes),
        "transaction.state.log.replication.factor": str(nodes),
        "transaction.state.log.min.isr": str(in_sync),
    }


class Cluster:
    """Nodes numbered from 1; `cluster[n]` is one of them. Entered, it is healthy."""

    def __init__(self, *, nodes: int = 3, properties: Mapping[str, str] | None = None, version: str = NEWEST) -> None:
        """Take how many nodes, server properties for all of them, and the version of Kafka."""
        together = {**shared_by(nodes), **(properties or {})}
        self._nodes = {seat.number: Broker(properties=together, version=version, seat=seat) for seat in seats(nodes)}

    @property
    def bootstrap(self) -> str:
        """All nodes as `host:port,host:port,...` for clients."""
        return ",".join(node.bootstrap for node in self._nodes.values())

    @property
    def numbers(self) -> list[int]:
        """The nodes' numbers."""
        return list(self._nodes)

    def __getitem__(self, number: int) -> Broker:
        """Return a node."""
        return self._nodes[number]

    def start(self) -> Self:
        """Start all nodes that are down, together, and wait until each answers.

        Raises:
            BrokerError: one did not.

        """
        down = [node for node in self._nodes.values() if not node.running]
        with ThreadPoolExecutor(len(self._nodes)) as pool:
            list(pool.map(Broker.launch, down))
            list(pool.map(Broker.await_answer, down))
        return self

    def wait_healthy(self, *, within: float = HEALTHY_WITHIN) -> None:
        """Wait until every node is there and every partition has a leader and all its replicas in sync.

        Raises:
            BrokerError: not within so many seconds.

        """
        deadline = time.monotonic() + within
        while ailing := self._ailing():
            if time.monotonic() > deadline:
                raise BrokerError(f"the cluster is not healthy after {within:.0f} s: {ailing}")
            time.sleep(0.1)

    def leader(self, topic: str, partition: int) -> int:
        """Return the number of the node that leads a partition now, or did last; -1 if nobody does."""
        found = self._metadata().topics[topic].partitions
        return int(found[partition].leader) if partition in found else -1

    def transaction_coordinator(self, transactional_id: str) -> int:
        """Return the number of the node that coordinates a producer's transactions; -1 before the first one."""
        return self._coordinator(TRANSACTIONS, transactional_id)

    def group_coordinator(self, group: str) -> int:
        """Return the number of the node that coordinates a consumer group; -1 before the first one."""
        return self._coordinator(GROUPS, group)

    def save(self, to: Path) -> None:
        """Copy the logs and data of all nodes into a folder, in a folder `node-<number>` each."""
        for number, node in self._nodes.items():
            node.save(to / f"node-{number}")

    def close(self) -> None:
        """Kill what is left and delete the data."""
        for node in self._nodes.values():
            node.close()

    def __enter__(self) -> Self:
        """Start all nodes and wait until they are a cluster."""
        try:
            self.start().wait_healthy()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill all nodes, and delete the data."""
        self.close()

    def _coordinator(self, topic: str, name: str) -> int:
        """Kafka gives it to the leader of the partition of its internal topic that the name hashes to."""
        return self.leader(topic, abs(java_hash(name)) % COORDINATORS) if topic in self._metadata().topics else -1

    def _metadata(self) -> Any:
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0}).list_topics(timeout=ASKED_WITHIN)

    def _ailing(self) -> str:
        """Return what keeps the cluster from being healthy; empty if nothing does."""
        try:
            metadata = self._metadata()
        except KafkaException as error:
            return str(error)
        if away := sorted(self._nodes.keys() - metadata.brokers.keys()):
            return f"nodes {away} are away"
        behind = [
            f"{name}-{number}"
            for name, topic in metadata.topics.items()
            for number, partition in topic.partitions.items()
            if partition.leader < 0 or set(partition.isrs) != set(partition.replicas)
        ]
        return f"not in sync: {', '.join(behind)}" if behind else ""


def java_hash(text: str) -> int:
    """Return Java's `String.hashCode` of an ASCII text."""
    value = 0
    for character in text:
        value = (value * 31 + ord(character)) & 0xFFFFFFFF
    return value - (1 << 32) if value & 0x80000000 else value
