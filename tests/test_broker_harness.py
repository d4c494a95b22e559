"""The harness that the guarantees are tested with: a real broker that does what the test tells it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from tests.support.broker import ROOT, START_WITHIN, Broker, BrokerError, answers
from tests.support.endings import wait_until_ended
from tests.support.ports import accepts, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import OwnBroker

QUIET = {"log_level": 0}


def create(bootstrap: str, topic: str) -> None:
    """Create a topic with one partition."""
    client = AdminClient({"bootstrap.servers": bootstrap, **QUIET})  # ends what it was asked when it is collected
    client.create_topics([NewTopic(topic, 1, 1)])[topic].result(60)


def write(bootstrap: str, topic: str, value: bytes) -> None:
    """Write one acknowledged record."""
    errors: list[object] = []
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "message.timeout.ms": 20_000, **QUIET})
    producer.produce(topic, value, on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(25) == 0
    assert errors == [None]


def read(bootstrap: str, topic: str, *, count: int) -> list[bytes | None]:
    """Read so many records from the start of a topic's only partition."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "enable.auto.commit": False, **QUIET})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        messages = consumer.consume(count, timeout=60)
        assert all(message.error() is None for message in messages)
        return [message.value() for message in messages]
    finally:
        consumer.close()


@pytest.fixture
def broker(own_broker: OwnBroker) -> Broker:
    """A broker of the test's own."""
    return own_broker({})


def test_a_record_written_to_the_shared_broker_is_read_back(kafka: str, topic_prefix: str) -> None:
    """The shared broker is a real one: what was acknowledged is there."""
    create(kafka, f"{topic_prefix}echo")
    write(kafka, f"{topic_prefix}echo", b"hello")
    assert read(kafka, f"{topic_prefix}echo", count=1) == [b"hello"]


def test_a_restarted_broker_has_its_port_and_its_data(broker: Broker) -> None:
    """Stopping and starting keeps the address and every acknowledged record, from life to life."""
    address = broker.bootstrap
    create(address, "kept")
    write(address, "kept", b"before")
    first = broker.pid
    with pytest.raises(BrokerError, match="running already"):
        broker.start()
    broker.restart()
    assert (broker.bootstrap, broker.pid == first) == (address, False)
    write(address, "kept", b"between")
    broker.stop()
    assert not broker.running
    assert not answers(address, within=1)
    broker.start()
    assert read(address, "kept", count=2) == [b"before", b"between"]


def test_a_killed_broker_comes_back_with_its_data(broker: Broker) -> None:
    """SIGKILL loses no acknowledged record: the page cache outlives the process."""
    create(broker.bootstrap, "kept")
    write(broker.bootstrap, "kept", b"before")
    os.kill(broker.pid, signal.SIGKILL)  # behind the harness's back
    while broker.running:
        time.sleep(0.01)
    broker.start()
    write(broker.bootstrap, "kept", b"between")
    broker.kill()
    assert not broker.running
    broker.start()
    assert read(broker.bootstrap, "kept", count=2) == [b"before", b"between"]


def test_a_frozen_broker_accepts_connections_and_answers_nothing(broker: Broker) -> None:
    """Freezing is the nastiest fault: the port is open, requests are swallowed; thawing ends it, and stopping thaws."""
    port = int(broker.bootstrap.rpartition(":")[2])
    broker.freeze()
    assert accepts(port)
    assert not answers(broker.bootstrap, within=1)
    broker.thaw()
    assert answers(broker.bootstrap, within=60)
    broker.freeze()
    broker.stop()
    assert not broker.running


def test_server_properties_are_the_tests_to_choose(own_broker: OwnBroker) -> None:
    """A property given to the broker is in force in the broker."""
    broker = own_broker({"message.max.bytes": "4321"})
    resource = ConfigResource(ResourceType.BROKER, "1")
    client = AdminClient({"bootstrap.servers": broker.bootstrap, **QUIET})
    settings = client.describe_configs([resource])[resource].result(60)
    assert settings["message.max.bytes"].value == "4321"


def test_a_broker_that_cannot_start_says_why(own_broker: OwnBroker) -> None:
    """A refused property ends in an error that quotes the broker, at once and not after the deadline."""
    started = time.monotonic()
    with pytest.raises(BrokerError, match=r"num\.partitions"):
        own_broker({"num.partitions": "minus one"})
    assert time.monotonic() - started < START_WITHIN


def test_telling_a_stopped_broker_to_freeze_is_an_error() -> None:
    """A test that froze nothing would prove nothing."""
    broker = Broker()
    try:
        with pytest.raises(BrokerError, match="is not running"):
            broker.freeze()
    finally:
        broker.close()


def test_a_broker_ends_with_the_process_that_started_it(foreground: subprocess.Popen[str]) -> None:
    """Even kill -9 of the tests leaves no broker and no data behind."""
    java = java_of(foreground)
    data = Path(java.cwd())
    foreground.kill()
    wait_until_ended(java.pid)
    wait_until_gone(data)


def test_a_broker_in_the_foreground_ends_on_ctrl_c(foreground: subprocess.Popen[str]) -> None:
    """`make kafka-run`: Ctrl-C ends it with exit code 0 and deletes its data."""
    java = java_of(foreground)
    data = Path(java.cwd())
    foreground.send_signal(signal.SIGINT)
    assert foreground.wait(60) == 0
    wait_until_ended(java.pid)
    wait_until_gone(data)


@pytest.fixture
def foreground(own_broker: OwnBroker) -> Iterator[subprocess.Popen[str]]:  # noqa: ARG001 - a broker can be had here
    """`python -m tests.support.broker` once it has printed its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.broker"],
        cwd=ROOT,
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert answers(process.stdout.readline().strip(), within=60)
            yield process
        finally:
            process.kill()


def java_of(process: subprocess.Popen[str]) -> psutil.Process:
    """Return the broker's process."""
    (java,) = (child for child in psutil.Process(process.pid).children() if "java" in child.name())
    return java


def wait_until_gone(folder: Path) -> None:
    """Wait until a folder is deleted."""
    deadline = time.monotonic() + 20
    while folder.exists():
        assert time.monotonic() < deadline, f"{folder} is still there"
        time.sleep(0.02)


def test_free_ports_are_different_and_bindable_and_not_ephemeral() -> None:
    """A client that retries the port of a stopped server must never be given that port as its own."""
    ports = free_ports(20)
    assert len(set(ports)) == 20
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(port < lowest for port in ports)
    assert not any(accepts(port) for port in ports)
