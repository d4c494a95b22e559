from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
from contextlib import suppress

import pytest
from aiokafka import errors

from streamer.config import EnvSecret, KafkaConfig, LiteralSecret
from streamer.store.kafka import Deadlines, refuse_optimized
from streamer.store.kafka.client import Clients
from streamer.store.kafka.closing import within
from streamer.store.kafka.failures import reason_of, shard_lost
from streamer.store.kafka.handshake import HandshakeError, described

SERVERS = ("localhost:9092",)


async def test_no_client_knows_a_login() -> None:
    """Their connections are made by the connector, with the login as it is then."""
    config = KafkaConfig(
        bootstrap_servers=SERVERS,
        security_protocol="SASL_PLAINTEXT",
        sasl_plain_username="us",
        sasl_plain_password=LiteralSecret("hunter2"),
    )
    client = Clients(config=config, deadlines=Deadlines()).admin()._client
    assert (client._security_protocol, client._sasl_plain_password) == ("PLAINTEXT", None)
    assert client._request_timeout_ms == 5000


@pytest.mark.parametrize("check", [True, False])
def test_tls_checks_certificates_and_names(check: bool) -> None:  # noqa: FBT001
    """Both are on unless the config turns the names off; there is none where the protocol has none."""
    context = KafkaConfig(bootstrap_servers=SERVERS, security_protocol="SSL", ssl_check_hostname=check).tls()
    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, check)
    assert KafkaConfig(bootstrap_servers=SERVERS).tls() is None


async def test_a_login_that_cannot_be_read_says_where_and_never_what(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable and the keys of the config; it may be there when it is tried again."""
    monkeypatch.delenv("STREAMER_TEST_KAFKA", raising=False)
    config = KafkaConfig(
        bootstrap_servers=SERVERS,
        security_protocol="SASL_SSL",
        sasl_plain_username="us",
        sasl_plain_password=EnvSecret("STREAMER_TEST_KAFKA"),
    )
    clients = Clients(config=config, deadlines=Deadlines())
    with pytest.raises(HandshakeError, match=r"STREAMER_TEST_KAFKA is not set.*check kafka.sasl_"):
        await clients.connector.connect("localhost", 9092)


async def test_the_transactional_id_is_named_after_the_partition_alone() -> None:
    """I1: neither process nor group is in it, so two of them can never both write."""
    for group in ("streamer", "another"):
        config = KafkaConfig(bootstrap_servers=SERVERS, topic_prefix="eu-", group_id=group, partitions=4)
        producer = Clients(config=config, deadlines=Deadlines()).producer(3)
        assert producer._txn_manager.transactional_id == "eu-agent-status-3"
        producer._closed = True


def test_the_broker_gives_a_transaction_up_later_than_we_do() -> None:
    """Else it would end one that is still being confirmed."""
    limits = Deadlines()
    assert (
        limits.request < limits.commit_of(1) < limits.commit_of(10_000) < limits.commit_of(10**9) < limits.transaction
    )


async def test_what_does_not_end_in_time_is_left_behind() -> None:
    """`within` never waits longer, even for what swallows its cancellation."""
    released = asyncio.Event()

    async def stubborn() -> None:
        while not released.is_set():
            with suppress(asyncio.CancelledError):
                await released.wait()

    async def failing() -> None:
        raise RuntimeError

    assert not await within(0.05, stubborn())
    assert await within(5, failing())
    released.set()


def test_the_cause_of_an_error_counts() -> None:
    """What ended its sender is wrapped by aiokafka."""
    wrapped = errors.KafkaError("Unexpected error during batch delivery")
    wrapped.__cause__ = errors.InvalidProducerEpoch()
    assert reason_of(wrapped) == "fenced"
    assert "InvalidProducerEpoch" in described(wrapped)
    expected = {
        "fenced": errors.ProducerFenced(),
        "timeout": errors.RequestTimedOutError(),
        "unreachable": errors.KafkaConnectionError(),
        "refused": errors.TopicAuthorizationFailedError(),
        "error": AssertionError("Invalid state transition"),
    }
    assert {reason: reason_of(error) for reason, error in expected.items()} == {reason: reason for reason in expected}
    assert reason_of(TimeoutError()) == "timeout"
    assert reason_of(HandshakeError("it refuses the login")) == "refused"
    assert shard_lost(TimeoutError(), "starting", "it refuses the login").reason == "refused"
    assert shard_lost(TimeoutError(), "starting", None).reason == "timeout"
    assert reason_of(ConnectionRefusedError()) == "unreachable"


def test_python_without_assertions_is_refused() -> None:
    """The order of a transaction's steps is guarded by `assert` alone in aiokafka."""
    refuse_optimized()
    code = "from streamer.store.kafka import refuse_optimized; refuse_optimized()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-O", "-c", code], capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "StoreError: python -O removes checks that Kafka transactions rely on: unset PYTHONOPTIMIZE, run without -O"
    )
