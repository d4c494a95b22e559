"""Keys, sizes, places and the partition of a tenant."""

from __future__ import annotations

import confluent_kafka
import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st

from streamer.events.record import EVENTS, Record, Stored, agent_key, murmur2, partition_of, tenant_of

TENANT_IDS = st.from_regex(r"[A-Za-z0-9._-]+", fullmatch=True)

# org.apache.kafka.common.utils.UtilsTest.testMurmur2
PUBLISHED = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("data", "signed"), PUBLISHED.items())
def test_the_hash_is_that_of_kafkas_own_tests(data: bytes, signed: int) -> None:
    """The vectors of the Java client, which returns signed integers."""
    assert murmur2(data) == signed & 0xFFFFFFFF


@given(st.binary(max_size=100))
def test_the_hash_is_that_of_another_client(data: bytes) -> None:
    """Any bytes of any length, tail included."""
    assert murmur2(data) == aiokafka_murmur2(data) & 0xFFFFFFFF


def test_librdkafka_puts_a_tenant_into_the_same_partition() -> None:
    """A client that nobody here wrote partitions by key on its side; its own test cluster tells where to."""
    landed: dict[bytes, int] = {}

    def delivered(error: object, message: confluent_kafka.Message) -> None:
        assert error is None
        key, partition = message.key(), message.partition()
        assert key is not None
        assert partition is not None
        landed[key] = partition

    producer = confluent_kafka.Producer({"test.mock.num.brokers": 1, "partitioner": "murmur2"})
    tenants = [f"tenant-{number}.x_{'y' * number}" for number in range(50)]
    for tenant in tenants:
        producer.produce("any", key=tenant.encode(), on_delivery=delivered)
    assert producer.flush(20) == 0
    partitions = len(producer.list_topics("any", timeout=60).topics["any"].partitions)
    assert len(set(landed.values())) == partitions > 1
    assert landed == {tenant.encode(): partition_of(tenant, partitions) for tenant in tenants}


@given(TENANT_IDS, st.integers(min_value=1, max_value=10_000))
def test_a_partition_exists(tenant: str, partitions: int) -> None:
    """Never negative, never beyond the last."""
    assert 0 <= partition_of(tenant, partitions) < partitions


@given(TENANT_IDS, st.text(min_size=1).filter(lambda agent: agent.isprintable()))
def test_a_key_tells_its_tenant_whatever_the_agent_is_called(tenant: str, agent: str) -> None:
    """The first bar splits: a tenant's id has none, an agent's may."""
    key = agent_key(tenant, agent)
    assert tenant_of(key) == tenant
    assert key.partition(b"|")[2].decode() == agent
    assert tenant_of(tenant.encode()) == tenant


def test_a_key_that_is_not_utf8_is_none_of_ours() -> None:
    """It says so instead of making up a tenant."""
    with pytest.raises(UnicodeDecodeError):
        tenant_of(b"\xff\xfe|a")


def test_a_size_counts_key_value_and_headers() -> None:
    """Bytes, not characters; a tombstone has no value."""
    assert Record(EVENTS, b"key", b"value", (("nåme", b"data"),)).size == 3 + 5 + len("nåme".encode()) + 4
    assert Record(EVENTS, b"key", None).size == 3


def test_a_place_names_topic_partition_and_offset() -> None:
    """As a message prints it."""
    assert Stored(EVENTS, 3, 1205, b"k", None).place == "agent-status-changed[3]@1205"
