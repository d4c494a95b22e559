"""Three real nodes and a network that can be cut: they do what the tests tell them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from aiokafka.client import AIOKafkaClient, CoordinationType
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.broker import BrokerError, answers
from tests.support.network import Api, Cut, Fault, Network, Weather
from tests.support.ports import accepts

if TYPE_CHECKING:
    from tests.support.cluster import Cluster

QUIET = {"log_level": 0}


def make(bootstrap: str, topic: str, *, replicas: int) -> None:
    """Create a topic with one partition."""
    client = AdminClient({"bootstrap.servers": bootstrap, **QUIET})
    client.create_topics([NewTopic(topic, 1, replicas)])[topic].result(60)


def acknowledged(bootstrap: str, topic: str, *, within: float = 25.0) -> bool:
    """Write a record; tell whether all replicas in sync took it in time."""
    well: list[bool] = []
    settings = {"bootstrap.servers": bootstrap, "acks": "all", "message.timeout.ms": int(within * 1000), **QUIET}
    producer = Producer(settings)
    producer.produce(topic, b"hello", on_delivery=lambda error, _: well.append(error is None))
    producer.flush(within + 5)
    return well == [True]


def count(bootstrap: str, topic: str, *, least: int) -> int:
    """Count the records of a topic's only partition, once there are so many."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "reader", "auto.offset.reset": "earliest", **QUIET}
    )
    try:
        consumer.subscribe([topic])
        found, deadline = 0, time.monotonic() + 20
        while found < least and time.monotonic() < deadline:
            found += sum(message.error() is None for message in consumer.consume(100, timeout=0.5))
        return found
    finally:
        consumer.close()


@pytest.mark.timeout(240)
async def test_a_cluster_outlives_its_nodes(own_cluster: Cluster) -> None:
    """One of three may be killed, frozen or away; with two away nothing is acknowledged; with all back, all is well."""
    cluster = own_cluster
    make(cluster.bootstrap, "kept", replicas=3)
    cluster.wait_healthy()
    assert acknowledged(cluster.bootstrap, "kept")

    first = cluster.leader("kept", 0)
    cluster[first].kill()
    assert acknowledged(cluster.bootstrap, "kept")
    second = cluster.leader("kept", 0)
    assert second not in {first, -1}
    with pytest.raises(BrokerError, match=rf"nodes \[{first}\] are away|not in sync"):
        cluster.wait_healthy(within=0.5)

    cluster[second].freeze()
    assert not acknowledged(cluster.bootstrap, "kept", within=5)
    cluster[second].thaw()
    cluster.start().wait_healthy()
    assert acknowledged(cluster.bootstrap, "kept")
    assert count(cluster.bootstrap, "kept", least=3) >= 3
    assert cluster.group_coordinator("reader") == await asked_coordinator(cluster, CoordinationType.GROUP, "reader")


async def asked_coordinator(cluster: Cluster, kind: int, name: str) -> int:
    """Return the coordinator as the cluster itself tells it."""
    client = AIOKafkaClient(bootstrap_servers=cluster.bootstrap)
    await client.bootstrap()
    try:
        found: int = await client.coordinator_lookup(kind, name)
        return found
    finally:
        await client.close()


@pytest.fixture
def network(kafka: str) -> Iterator[Network]:
    """A network before the shared broker."""
    with Network(kafka) as running:
        yield running


@pytest.mark.parametrize("how", Cut)
def test_a_line_that_is_cut_is_cut_alone_and_heals(network: Network, kafka: str, topic_prefix: str, how: Cut) -> None:
    """Who is on another line, or on none, notices nothing."""
    cut, other = network.line(), network.line()
    make(cut.bootstrap, f"{topic_prefix}echo", replicas=1)
    cut.cut(how)
    assert not answers(cut.bootstrap, within=1)
    assert accepts(int(cut.bootstrap.rpartition(":")[2])) is (how is not Cut.REFUSE)
    assert answers(other.bootstrap, within=60)
    assert answers(kafka, within=60)
    cut.heal()
    assert acknowledged(cut.bootstrap, f"{topic_prefix}echo")


def test_what_is_on_its_way_when_the_line_falls_silent_arrives_late(
    network: Network, kafka: str, topic_prefix: str
) -> None:
    """As the network's own repetitions have it: whoever asked has long gone when the broker acts on it."""
    line, topic = network.line(), f"{topic_prefix}echo"
    client = AdminClient({"bootstrap.servers": line.bootstrap, **QUIET})
    client.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)  # it is connected to whoever makes topics
    line.cut(Cut.SILENCE)
    late = client.create_topics([NewTopic(f"{topic}-late", 1, 1)], request_timeout=1)[f"{topic}-late"]
    with pytest.raises(KafkaException):
        late.result(30)
    assert f"{topic}-late" not in AdminClient({"bootstrap.servers": kafka, **QUIET}).list_topics(timeout=30).topics
    line.heal()
    assert acknowledged(kafka, f"{topic}-late")


def test_weather_strikes_as_its_seed_has_it(network: Network, topic_prefix: str) -> None:
    """Of the requests that were named about as many as were named, and no others; calm, none."""
    line, topic = network.line(), f"{topic_prefix}echo"
    make(line.bootstrap, topic, replicas=1)
    line.disturb(Weather(apis=[Api.PRODUCE], faults=[Fault.CUT_BEFORE, Fault.CUT_AFTER], chance=0.5, seed=1))
    for _ in range(8):
        assert acknowledged(line.bootstrap, topic)
    assert {api for api, _ in line.struck} == {Api.PRODUCE}
    assert 2 <= line.struck.total() < line.seen[Api.PRODUCE]
    line.calm()
    before = line.struck.total()
    assert acknowledged(line.bootstrap, topic)
    assert line.struck.total() == before
