"""Who gets which partition: bounded-load rendezvous hashing, keyed by the nodes' names.

Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998), with a cap on each node's load as in
Mirrokni, Thorup and Zadimoghaddam, "Consistent hashing with bounded loads" (2016). Nothing is remembered: the same nodes
always get the same partitions, so one that comes back under its name gets what it had.

aiokafka's own assignors won't do: `roundrobin` and `range` go by member ids, which are new at every start, and `sticky`
keeps its state in the class, for all consumers of a process (aiokafka issues 1175, 1176).
"""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

NAME: Final = "streamer-rendezvous"
"""What the members of a group agree upon. Members that offer no assignor of this name can't be in the same group."""

_VERSION: Final = 0


def deal(partitions: Collection[int], members: Mapping[str, bytes]) -> dict[str, set[int]]:
    """Deal partitions out to members, given by their ids with the names of their nodes.

    Every partition goes to one member, and nobody gets more than ceil(partitions / members). Each pair of partition and
    node has a weight; the heaviest pair is taken first, and so on, while the node has room. So there is no partition
    that would weigh more on another node than on its own while that node has room or holds something lighter. Hence a
    partition moves between two nodes that both stay only if the cap is in its way, before or after: the heavier one of
    the two is then full of partitions that weigh more on it.

    Members whose nodes have the same name are told apart by the order of their ids.
    """
    dealt: dict[str, set[int]] = {member: set() for member in members}
    if not members:
        return dealt
    room = -(-len(partitions) // len(members))
    left = set(partitions)
    nodes = _told_apart(members)
    pairs = ((_weight(partition, node), node, partition) for partition in partitions for node in nodes)
    for _, node, partition in sorted(pairs, reverse=True):
        mine = dealt[nodes[node]]
        if partition in left and len(mine) < room:
            mine.add(partition)
            left.discard(partition)
    return dealt


def assignor(node: str, assigned: Callable[[Collection[tuple[str, int]]], None]) -> type[AbstractPartitionAssignor]:
    """Return the assignor of one consumer: aiokafka wants a class, and calls its class methods.

    `assigned` is told this member's partitions (topic, number) at the end of each rebalance, before anything else of
    the consumer has seen them. It must return at once: no heartbeat is sent meanwhile.
    """

    class Rendezvous(AbstractPartitionAssignor):  # type: ignore[misc]  # aiokafka has no types
        name = NAME

        @classmethod
        def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
            return ConsumerProtocolMemberMetadata(_VERSION, sorted(topics), node.encode())

        @classmethod
        def assign(
            cls, cluster: Any, members: Mapping[str, ConsumerProtocolMemberMetadata]
        ) -> dict[str, ConsumerProtocolMemberAssignment]:
            return assignments(cluster.partitions_for_topic, members)

        @classmethod
        def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
            assigned([(place.topic, place.partition) for place in assignment.partitions()])

    return Rendezvous


def assignments(
    partitions_of: Callable[[str], Collection[int] | None], members: Mapping[str, ConsumerProtocolMemberMetadata]
) -> dict[str, ConsumerProtocolMemberAssignment]:
    """Deal each topic out to the members that subscribed to it.

    Raises:
        LookupError: how many partitions a topic has is not known now. To deal out none would take all from everybody.

    """
    dealt: dict[str, list[tuple[str, list[int]]]] = {member: [] for member in members}
    for topic in sorted({topic for metadata in members.values() for topic in metadata.subscription}):
        partitions = partitions_of(topic)
        if not partitions:
            raise LookupError(f"the partitions of topic {topic} are not known")
        subscribed = {
            member: metadata.user_data or member.encode()
            for member, metadata in members.items()
            if topic in metadata.subscription
        }
        for member, numbers in deal(partitions, subscribed).items():
            dealt[member].append((topic, sorted(numbers)))
    return {member: ConsumerProtocolMemberAssignment(_VERSION, topics, b"") for member, topics in dealt.items()}


def _told_apart(members: Mapping[str, bytes]) -> dict[tuple[bytes, int], str]:
    """Return the members by what their weights are made of: the node's name, and how many before them have the same."""
    seen: Counter[bytes] = Counter()
    nodes = {}
    for member, name in sorted(members.items()):
        nodes[name, seen[name]] = member
        seen[name] += 1
    return nodes


def _weight(partition: int, node: tuple[bytes, int]) -> bytes:
    name, number = node
    return blake2b(b"%d %d " % (partition, number) + name, digest_size=8).digest()
