from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from hypothesis import example, given
from hypothesis import strategies as st

from streamer.store.kafka.assignor import _told_apart, _weight, assignments, assignor, deal

NAMES = st.binary(max_size=4) | st.sampled_from([b"pod-0", b"pod-1", b"pod-2"])
MEMBERS = st.dictionaries(st.text("abcdef0123456789-", min_size=1, max_size=6), NAMES, min_size=1, max_size=8)
PARTITIONS = st.integers(0, 70).map(range)

TOPIC = "agent-status"


def pods(count: int, *, without: int | None = None) -> dict[str, bytes]:
    """Return members on nodes with stable names and ids that are new at every start."""
    return {f"member-{number}": b"pod-%d" % number for number in range(count) if number != without}


def owners(dealt: Mapping[str, set[int]]) -> dict[int, str]:
    """Return who has each partition."""
    return {partition: member for member, partitions in dealt.items() for partition in partitions}


@given(PARTITIONS, MEMBERS)
def test_every_partition_goes_to_one_member_and_nobody_gets_more_than_the_cap(
    partitions: range, members: dict[str, bytes]
) -> None:
    """Whatever the nodes are called, and however many have the same name."""
    dealt = deal(partitions, members)
    assert sorted(partition for mine in dealt.values() for partition in mine) == list(partitions)
    assert dealt.keys() == members.keys()
    assert max(map(len, dealt.values())) <= -(-len(partitions) // len(members))


@given(PARTITIONS, MEMBERS, st.randoms())
def test_the_order_of_members_and_partitions_does_not_matter(
    partitions: range, members: dict[str, bytes], dice: random.Random
) -> None:
    """Any leader comes to the same result."""
    shuffled, other = list(members.items()), list(partitions)
    dice.shuffle(shuffled)
    dice.shuffle(other)
    assert deal(other, dict(shuffled)) == deal(partitions, members)


@given(PARTITIONS, MEMBERS)
def test_no_partition_would_rather_be_where_there_is_room_for_it(partitions: range, members: dict[str, bytes]) -> None:
    """A node on which it weighs more is full of partitions that weigh more there: no pair blocks (stable matching)."""
    dealt = deal(partitions, members)
    cap = -(-len(partitions) // len(members))
    node_of = {member: node for node, member in _told_apart(members).items()}
    for partition, owner in owners(dealt).items():
        here = _weight(partition, node_of[owner])
        for member, node in node_of.items():
            there = _weight(partition, node)
            if there > here:
                assert len(dealt[member]) == cap
                assert all(_weight(each, node) > there for each in dealt[member])


@given(PARTITIONS, MEMBERS, st.data())
def test_a_partition_moves_between_nodes_that_stay_only_where_the_cap_is_in_its_way(
    partitions: range, members: dict[str, bytes], data: st.DataObject
) -> None:
    """When others come or go: of its two nodes the one that it weighs more on is full, before or after."""
    named = {member: name + member.encode() for member, name in members.items()}  # no two alike
    fewer = {member: name for member, name in named.items() if data.draw(st.booleans(), label=member)}
    before, after = deal(partitions, named), deal(partitions, fewer)
    caps = {id(each): -(-len(partitions) // max(1, len(each))) for each in (before, after)}
    now = owners(after)
    for partition, was in owners(before).items():
        if was in fewer and now[partition] != was:
            stays = _weight(partition, (named[was], 0)) > _weight(partition, (named[now[partition]], 0))
            full, liked = (after, was) if stays else (before, now[partition])
            assert len(full[liked]) == caps[id(full)]


def test_a_node_that_comes_back_under_its_name_gets_what_it_had() -> None:
    """Nothing is remembered: the member's id is another one."""
    before = deal(range(32), pods(3))
    after = deal(range(32), {**pods(3, without=1), "someone-new": b"pod-1"})
    assert after == {"member-0": before["member-0"], "member-2": before["member-2"], "someone-new": before["member-1"]}


@pytest.mark.parametrize(("partitions", "replicas", "at_most"), [(12, 3, 1.0), (32, 3, 1.5), (32, 5, 2.0)])
def test_few_partitions_move_beside_those_of_a_node_that_goes(partitions: int, replicas: int, at_most: float) -> None:
    """On average over all nodes and many clusters: the ones that must, and about one more."""
    moved = trials = 0
    for cluster in range(50):
        members = {f"m{number}": b"%d-%d" % (cluster, number) for number in range(replicas)}
        before = owners(deal(range(partitions), members))
        for gone in members:
            after = owners(deal(range(partitions), {each: name for each, name in members.items() if each != gone}))
            moved += sum(after[each] != was for each, was in before.items() if was != gone)
            trials += 1
    assert moved / trials < at_most


def metadata(user_data: bytes, *topics: str) -> ConsumerProtocolMemberMetadata:
    """Return what a member tells of itself when it joins."""
    return ConsumerProtocolMemberMetadata(0, list(topics or (TOPIC,)), user_data)


def places(assigned: ConsumerProtocolMemberAssignment) -> set[tuple[str, int]]:
    """Return the partitions of an assignment as they arrive at the member: through the wire's format."""
    read = ConsumerProtocolMemberAssignment.decode(assigned.encode())
    return {(place.topic, place.partition) for place in read.partitions()}


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.binary(max_size=8) | st.none(), min_size=1, max_size=6))
@example({"a": None, "b": b"", "c": b"\xff\xfe", "d": b"a"})
def test_whatever_members_say_of_themselves_each_gets_its_share(said: dict[str, bytes | None]) -> None:
    """A client of another make may send nothing, or anything."""
    dealt = assignments(lambda _topic: set(range(7)), {member: metadata(name) for member, name in said.items()})  # type: ignore[arg-type]
    assert sorted(place for each in dealt.values() for place in places(each)) == [
        (TOPIC, number) for number in range(7)
    ]


def test_a_topic_is_dealt_out_among_those_who_subscribed_to_it() -> None:
    """Two installations may have been given one group by mistake: neither gets what is the other's."""
    members = {
        "a": metadata(b"a", "one-" + TOPIC),
        "b": metadata(b"b", "two-" + TOPIC),
        "c": metadata(b"c", "two-" + TOPIC),
    }
    dealt = assignments({"one-" + TOPIC: {0, 1}, "two-" + TOPIC: {0, 1, 2, 3}}.get, members)
    assert places(dealt["a"]) == {("one-" + TOPIC, 0), ("one-" + TOPIC, 1)}
    assert {topic for member in "bc" for topic, _ in places(dealt[member])} == {"two-" + TOPIC}
    assert [len(places(dealt[member])) for member in "bc"] == [2, 2]


@pytest.mark.parametrize("known", [None, set()])
def test_nothing_is_dealt_out_while_the_partitions_are_not_known(known: set[int] | None) -> None:
    """To deal out none would take all from everybody."""
    with pytest.raises(LookupError, match="agent-status"):
        assignments(lambda _topic: known, {"a": metadata(b"a")})


def test_consumers_of_one_process_share_nothing() -> None:
    """Aiokafka calls class methods: each consumer has a class of its own."""
    told: list[tuple[str, object]] = []
    one = assignor("one", lambda mine: told.append(("one", mine)))
    two = assignor("two", lambda mine: told.append(("two", mine)))
    assert (one.metadata([TOPIC]).user_data, two.metadata([TOPIC]).user_data) == (b"one", b"two")
    two.on_assignment(ConsumerProtocolMemberAssignment(0, [(TOPIC, [3])], b""))
    assert told == [("two", [(TOPIC, 3)])]
