"""Being a member of the group on a real broker: joining, leaving, being forgotten, and what goes wrong with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.protocol.group import LeaveGroupRequest
from confluent_kafka.admin import AdminClient, NewPartitions
from msgspec import structs

from streamer.config import KafkaConfig
from streamer.signals import GroupHeard, GroupSilent, ShardsPlaced
from streamer.store import StoreError
from streamer.store.kafka.deadlines import Deadlines
from streamer.store.kafka.member import Member
from streamer.store.kafka.membership import node_name
from tests.store.kafka.conftest import config_of, nothing_left, store_of
from tests.store.kafka.groups import BRISK, PARTITIONS, Group, until
from tests.support.kafka_proxy import Api, Fault, KafkaProxy

pytestmark = pytest.mark.every_kafka

ALL = frozenset(range(PARTITIONS))
MANY = 2000


@pytest.fixture
async def topics(kafka: str, topic_prefix: str) -> KafkaConfig:
    """The topics, made by the store."""
    config = config_of(kafka, topic_prefix, partitions=PARTITIONS)
    await store_of(config).start()
    return config


@pytest.fixture
async def group(kafka: str, topic_prefix: str, topics: KafkaConfig) -> AsyncIterator[Group]:  # noqa: ARG001
    """A group without members, and without tasks in the end."""
    before = asyncio.all_tasks()
    group = Group(kafka, topic_prefix)
    yield group
    await group.stop()
    await nothing_left(before)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Member]:
    """Each member that is begun from now on, to be broken from inside."""
    members: list[Member] = []
    start = Member.start

    async def noted(member: Member) -> None:
        members.append(member)
        await start(member)

    monkeypatch.setattr(Member, "start", noted)
    return members


def coordinator_of(member: Member) -> Any:
    """Return aiokafka's part that speaks to the group's coordinator."""
    return member._consumer._coordinator


async def test_a_lone_member_gets_all_shards(group: Group) -> None:
    """And says that it was in no group before, then that it is in one."""
    replica = group.join("pod-0")
    await group.settled(replica)
    silent, placed, heard = replica.signals
    assert silent == GroupSilent(reason="not joined yet")
    assert placed == ShardsPlaced(shards=ALL, gained=ALL, lost=frozenset())
    assert heard == GroupHeard()


async def test_members_that_come_and_go_share_the_shards_and_what_stays_is_not_touched(group: Group) -> None:
    """Nobody has more than the cap; a shard that keeps its owner is never told to be lost on the way."""
    first, second, third = (group.join(f"pod-{number}") for number in range(3))
    await group.settled(first, second, third)
    for each in (first, second, third):
        each.story[:] = [each.owned]
    before = {first: first.owned, third: third.owned}
    await second.stop()
    await group.settled(first, third)
    again = group.join("pod-1")
    await group.settled(first, third, again)
    for each, owned in before.items():
        kept = owned & each.owned
        assert kept
        assert all(kept <= told for told in each.history)
    assert again.owned == second.owned


async def test_who_stops_leaves_the_group_at_once(group: Group) -> None:
    """The others need not wait for its session to end."""
    first, second = group.join("pod-0"), group.join("pod-1", deadlines=Deadlines(leave=20.0))
    await group.settled(first, second)
    began = time.monotonic()
    await second.stop()
    assert await group.members() == 1
    left = time.monotonic() - began
    await group.settled(first)
    print(f"left within {left:.3f} s, shards dealt out after {time.monotonic() - began:.3f} s")  # noqa: T201


async def test_who_stops_in_the_middle_of_a_rebalance_leaves_too(group: Group, made: list[Member]) -> None:
    """Else it would be dealt shards that nobody serves until its session ends. The rebalance waits for a frozen one."""
    frozen, second = group.join("pod-0", deadlines=Deadlines(session=30.0)), group.join("pod-1")
    await group.settled(frozen, second)
    coordinator_of(made[0])._heartbeat_task.cancel()
    third = group.join("pod-2")
    await until(lambda: len(made) == 3 and coordinator_of(made[2]) and coordinator_of(made[2]).member_id)
    await until(lambda: coordinator_of(made[1])._performed_join_prepare)
    await third.stop()
    assert await group.members() == 2
    assert third.history == []


async def test_two_members_of_one_name_get_shares_of_their_own(group: Group) -> None:
    """As when a pod was replaced and the old one is still there."""
    first, second, third = group.join("pod-0"), group.join("pod-0"), group.join("pod-1")
    await group.settled(first, second, third)
    await first.stop()
    await group.settled(second, third)


async def test_a_member_fetches_nothing_and_commits_nothing(group: Group, proxy: KafkaProxy) -> None:
    """Nor asks for offsets: all that is wanted of the topic is its partitions' numbers."""
    replica, other = group.join("pod-0", bootstrap=proxy.bootstrap), group.join("pod-1")
    await group.settled(replica, other)
    await other.stop()
    await group.settled(replica)
    beats = proxy.seen[Api.HEARTBEAT]
    await until(lambda: proxy.seen[Api.HEARTBEAT] > beats + 5)
    unwanted = (Api.FETCH, Api.LIST_OFFSETS, Api.OFFSET_FETCH, Api.OFFSET_COMMIT)
    assert {api: proxy.seen[api] for api in unwanted} == dict.fromkeys(unwanted, 0)


async def test_a_member_that_the_coordinator_forgot_lets_go_and_joins_again(group: Group, made: list[Member]) -> None:
    """As one that was frozen for longer than its session: others may have its shards."""
    replica = group.join("pod-0")
    await group.settled(replica)
    coordinator = coordinator_of(made[0])
    await coordinator._send_req(LeaveGroupRequest(coordinator.group_id, coordinator.member_id))
    await until(lambda: replica.history[-2:] == [frozenset(), ALL])
    assert len(made) == 1


async def test_who_is_not_heard_says_so_and_after_a_grace_lets_go_until_it_is_heard_again(
    group: Group, proxy: KafkaProxy, made: list[Member]
) -> None:
    """The coordinator gives its shards to others after a session; it can't know."""
    patient = structs.replace(BRISK, stuck=60.0)  # no new member meanwhile
    replica = group.join("pod-0", bootstrap=proxy.bootstrap, deadlines=patient)
    await group.settled(replica)
    for api in (Api.HEARTBEAT, Api.FIND_COORDINATOR, Api.JOIN_GROUP):
        for _ in range(MANY):
            proxy.inject(api, Fault.CUT_BEFORE)
    await until(lambda: replica.history == [ALL, frozenset()])
    assert replica.seen(GroupSilent) == 2
    assert isinstance(replica.story[-2], GroupSilent)  # not together with it: it may be the cluster that is away
    proxy.forget()
    await group.settled(replica)
    assert replica.seen(GroupHeard) == 2
    assert len(made) == 1


async def test_a_coordinator_that_is_not_found_is_looked_for_without_end(group: Group, proxy: KafkaProxy) -> None:
    """The cluster is at fault: to end the process would mend nothing."""
    for _ in range(MANY):
        proxy.inject(Api.FIND_COORDINATOR, Fault.CUT_BEFORE)
    replica = group.join("pod-0", bootstrap=proxy.bootstrap, deadlines=BRISK)
    await asyncio.sleep(3 * BRISK.stuck)
    assert not replica.ended.done()
    assert replica.history == []
    proxy.forget()
    await group.settled(replica)


async def test_a_rebalance_that_never_ends_ends_the_process(group: Group, proxy: KafkaProxy) -> None:
    """The coordinator answers, new members don't help: going on would be to hang."""
    for _ in range(MANY):
        proxy.inject(Api.SYNC_GROUP, Fault.CUT_BEFORE)
    replica = group.join("pod-0", bootstrap=proxy.bootstrap, deadlines=BRISK)
    with pytest.raises(StoreError, match=r"does not settle.*kafka-consumer-groups .*--describe --group \S+ --members"):
        await asyncio.wait_for(asyncio.shield(replica.ended), 60)
    assert replica.history == []


def _end_coordination(member: Member) -> None:
    coordinator_of(member)._coordination_task.cancel()


def _end_heartbeats(member: Member) -> None:
    """As aiokafka issue 1154: it no longer does anything about the group, and says nothing."""
    if task := coordinator_of(member)._heartbeat_task:
        task.cancel()


def _fail_fetching(member: Member) -> None:
    coordinator_of(member)._pending_exception = RuntimeError("a fault of aiokafka's")


@pytest.mark.parametrize("break_it", [_end_coordination, _end_heartbeats, _fail_fetching])
async def test_a_member_that_is_stuck_is_replaced(
    group: Group, made: list[Member], break_it: Callable[[Member], None]
) -> None:
    """Whatever befell aiokafka: the shards are let go, and dealt out to the new member."""
    replica = group.join("pod-0", deadlines=BRISK)
    await group.settled(replica)
    while len(made) == 1:  # once is not always enough: in the midst of something else aiokafka swallows it
        break_it(made[0])
        await asyncio.sleep(0.2)
    await until(lambda: replica.history[-2:] == [frozenset(), ALL])
    assert not replica.ended.done()


async def test_a_topic_that_was_given_more_partitions_ends_all_members(group: Group, topics: KafkaConfig) -> None:
    """Tenants would lie elsewhere. It says what to do."""
    replicas = [group.join(f"pod-{number}", deadlines=BRISK) for number in range(2)]
    await group.settled(*replicas)
    admin = AdminClient({"bootstrap.servers": ",".join(topics.bootstrap_servers), "log_level": 0})
    for done in admin.create_partitions(
        [NewPartitions(f"{topics.topic_prefix}tenant-status", PARTITIONS + 1)]
    ).values():
        done.result(60)
    for each in replicas:
        with pytest.raises(StoreError, match=r"tenant-status has 13 partitions.*start anew under another topic_prefix"):
            await asyncio.wait_for(asyncio.shield(each.ended), 30)


async def test_a_group_that_others_use_otherwise_is_refused(group: Group, topics: KafkaConfig) -> None:
    """A consumer of somebody else's, with aiokafka's usual assignor, was given our group."""
    foreign = AIOKafkaConsumer(
        f"{topics.topic_prefix}agent-status",
        bootstrap_servers=list(topics.bootstrap_servers),
        group_id=topics.group_id,
    )
    await foreign.start()
    try:
        replica = group.join("pod-0")
        with pytest.raises(StoreError, match=r"set kafka\.group_id to another one"):
            await asyncio.wait_for(asyncio.shield(replica.ended), 30)
    finally:
        await foreign.stop()


def test_a_node_is_named_by_its_pod_or_else_like_no_other() -> None:
    """Two processes on one host must not be taken for one."""
    assert node_name({"POD_NAME": "streamer-2"}) == "streamer-2"
    assert node_name({}) != node_name({})
