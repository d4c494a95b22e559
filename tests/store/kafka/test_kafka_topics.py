from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from streamer.config import KafkaConfig
from streamer.events.record import EVENTS, QUEUES, ROWS, TENANTS, TOPICS, Topic
from streamer.store import StoreError
from streamer.store.kafka import KafkaStore
from streamer.store.kafka.admin import Found
from streamer.store.kafka.client import Clients
from streamer.store.kafka.topics import complaints, wanted
from tests.store.kafka.conftest import DAY, IMPATIENT, PARTITIONS, PATIENT, config_of, store_of
from tests.support.kafka_tools import tool
from tests.support.ports import free_port


def admin(bootstrap: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})


def make(bootstrap: str, name: str, settings: Mapping[str, str], *, partitions: int = PARTITIONS) -> None:
    """Make a topic as an administrator would."""
    client = admin(bootstrap)  # ends what it began when it is collected
    topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=dict(settings))
    client.create_topics([topic])[name].result(60)


def settings_of(bootstrap: str, name: str) -> dict[str, str | None]:
    """Return a topic's settings as confluent-kafka reads them."""
    client = admin(bootstrap)
    [answer] = client.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values()
    return {key: entry.value for key, entry in answer.result(60).items()}


async def test_topics_are_made_with_their_settings(kafka: str, topic_prefix: str, store: KafkaStore) -> None:
    """Each has P partitions; tables are compacted often enough, events go after the retention."""
    assert store.shards == PARTITIONS
    known = admin(kafka).list_topics(timeout=60).topics
    for topic in TOPICS:
        name = topic_prefix + topic
        assert len(known[name].partitions) == PARTITIONS
        right = wanted(topic, replicas=1, retention=7 * DAY)
        assert {key: settings_of(kafka, name)[key] for key in right} == right


def test_the_settings_are_those_that_the_design_rests_on() -> None:
    """The broker's clock on all; compaction for the tables alone; one replica may be away."""
    of = {topic: wanted(topic, replicas=3, retention=DAY) for topic in TOPICS}
    assert {topic: each["cleanup.policy"] for topic, each in of.items()} == {
        EVENTS: "delete",
        ROWS: "compact",
        TENANTS: "compact",
        QUEUES: "compact",
    }
    assert {each["message.timestamp.type"] for each in of.values()} == {"LogAppendTime"}
    assert {each["min.insync.replicas"] for each in of.values()} == {"2"}
    assert (of[EVENTS]["retention.ms"], of[EVENTS]["segment.ms"]) == (str(DAY), str(DAY))
    assert wanted(EVENTS, replicas=1, retention=60_000)["segment.ms"] == "60000"
    assert wanted(EVENTS, replicas=1, retention=60_000)["min.insync.replicas"] == "1"


async def test_replicas_that_start_together_make_the_topics_once(kafka: str, topic_prefix: str) -> None:
    """Losing the race for a topic is no error."""
    await asyncio.gather(*(store_of(config_of(kafka, topic_prefix)).start() for _ in range(4)))
    await store_of(config_of(kafka, topic_prefix)).start()


async def test_only_the_missing_topics_are_made(kafka: str, topic_prefix: str) -> None:
    """What an administrator made by hand stays as it is, if it is right."""
    right = {**wanted(ROWS, replicas=1, retention=DAY), "segment.ms": "1800000"}
    make(kafka, topic_prefix + ROWS, right)
    await store_of(config_of(kafka, topic_prefix)).start()
    assert settings_of(kafka, topic_prefix + ROWS)["segment.ms"] == "1800000"


async def test_another_number_of_partitions_stops_the_start(kafka: str, topic_prefix: str, store: KafkaStore) -> None:
    """P is frozen: the message says how to go back, and how to go on."""
    assert store.shards == PARTITIONS
    with pytest.raises(StoreError) as stopped:
        await store_of(config_of(kafka, topic_prefix, partitions=5)).start()
    assert str(stopped.value).splitlines() == [
        f"topic {topic_prefix}{topic} has 2 partitions, but kafka.partitions is 5: the number is frozen. "
        "If the config is wrong, set kafka.partitions to 2; if somebody added partitions, start anew under another "
        "topic_prefix, as docs/kafka.md says"
        for topic in TOPICS
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        (ROWS, "cleanup.policy", "delete", "compact"),
        (TENANTS, "cleanup.policy", "compact,delete", "compact"),
        (EVENTS, "cleanup.policy", "compact", "delete"),
        (EVENTS, "retention.ms", "3600000", str(7 * DAY)),
        (ROWS, "message.timestamp.type", "CreateTime", "LogAppendTime"),
        (TENANTS, "max.message.bytes", "65536", "1048588"),
        (EVENTS, "min.insync.replicas", "2", "1"),
    ],
    ids=lambda wrong: f"{wrong[0]}-{wrong[1]}",
)
async def test_a_wrong_setting_stops_the_start_and_says_how_to_change_it(
    kafka: str, topic_prefix: str, wrong: tuple[Topic, str, str, str]
) -> None:
    """The message names topic, setting, value found and wanted, and the command."""
    topic, setting, value, right = wrong
    name = topic_prefix + topic
    make(kafka, name, {**wanted(topic, replicas=1, retention=7 * DAY), setting: value})
    with pytest.raises(StoreError) as stopped:
        await store_of(config_of(kafka, topic_prefix)).start()
    assert str(stopped.value) == (
        f"topic {name}: {setting} is {value}, wanted {right}. Change it with: kafka-configs --bootstrap-server {kafka} "
        f"--alter --entity-type topics --entity-name {name} --add-config {setting}={right}"
    )


async def test_the_command_in_that_message_mends_it(kafka: str, topic_prefix: str) -> None:
    """Run by Kafka's own tool."""
    name = f"{topic_prefix}{ROWS}"
    make(kafka, name, {**wanted(ROWS, replicas=1, retention=7 * DAY), "cleanup.policy": "delete"})
    with pytest.raises(StoreError) as stopped:
        await store_of(config_of(kafka, topic_prefix)).start()
    command = tool(str(stopped.value).partition("Change it with: ")[2])
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    await store_of(config_of(kafka, topic_prefix)).start()


def found(**changes: Any) -> list[str]:
    """Return what is said of a topic with three replicas that is right but for `changes`."""
    settings = {**wanted(ROWS, replicas=3, retention=DAY), **changes.pop("settings", {})}
    topic = Found(**{"name": ROWS, "partitions": PARTITIONS, "replicas": 3, "settings": settings, **changes})
    clients = Clients(config=config_of("localhost:9092", "", replication_factor=3), deadlines=PATIENT)
    return list(complaints(ROWS, topic, clients=clients, retention=DAY))


@pytest.mark.parametrize("value", ["2", "3"])
def test_replicas_that_must_be_in_sync_may_be_all_but_one_or_all(value: str) -> None:
    """More than the least is the operator's choice."""
    assert found(settings={"min.insync.replicas": value}) == []


@pytest.mark.parametrize("value", ["1", "4", "", "many"])
def test_replicas_that_must_be_in_sync_are_neither_too_few_nor_more_than_there_are(value: str) -> None:
    """With too few a lost broker loses commits; with too many nothing is ever written."""
    [complaint] = found(settings={"min.insync.replicas": value})
    assert f"min.insync.replicas is {value}, wanted 2" in complaint


def test_larger_messages_than_ours_are_fine() -> None:
    """The limit must only be large enough for our batches."""
    assert found(settings={"max.message.bytes": "10485760"}) == []


def test_fewer_replicas_than_the_config_says_are_refused() -> None:
    """The operator believes in a safety that is not there."""
    [complaint] = found(replicas=1, settings={"min.insync.replicas": "1"})
    assert complaint == (
        "topic agent-status has replication factor 1, but kafka.replication_factor is 3: raise it with "
        "kafka-reassign-partitions, or set kafka.replication_factor to 1"
    )


async def test_all_that_is_wrong_is_said_at_once(kafka: str, topic_prefix: str) -> None:
    """One line for each thing to change."""
    for topic in TOPICS:
        make(kafka, topic_prefix + topic, {}, partitions=1)
    with pytest.raises(StoreError) as stopped:
        await store_of(config_of(kafka, topic_prefix)).start()
    lines = str(stopped.value).splitlines()
    assert len(lines) == 4 + 4 + 3  # partitions; the broker's clock; cleanup of the tables
    assert len(set(lines)) == len(lines)


async def test_more_replicas_than_brokers_are_refused_with_advice(kafka: str, topic_prefix: str) -> None:
    """The cluster's own words, then what to set."""
    with pytest.raises(StoreError, match=r"can't be created: .*; set kafka.replication_factor to at most the number"):
        await store_of(config_of(kafka, topic_prefix, replication_factor=7)).start()


async def test_no_topic_is_named_before_it_is_made(kafka: str, topic_prefix: str) -> None:
    """A cluster that makes topics by itself would make it with one partition and its own settings."""
    seen: list[Any] = []
    store = store_of(config_of(kafka, topic_prefix))
    real = store._clients.admin

    def watched() -> Any:
        client = real()
        send = client._client.send

        async def noted(node: int, request: Any, **options: Any) -> Any:
            seen.append(request)
            return await send(node, request, **options)

        client._client.send = noted
        return client

    store._clients.admin = watched  # type: ignore[method-assign]
    await store.start()
    kinds = [type(request).__name__ for request in seen]
    before = seen[: kinds.index("CreateTopicsRequest")]
    assert [type(request).__name__ for request in before] == ["MetadataRequest"]
    assert not before[0]._topics


@pytest.mark.parametrize("brokers", [1, 2])
async def test_a_cluster_that_is_away_is_an_os_error_in_time(brokers: int) -> None:
    """The service waits and tries again; it does not end."""
    servers = tuple(f"127.0.0.1:{free_port()}" for _ in range(brokers))
    store = store_of(KafkaConfig(bootstrap_servers=servers, partitions=PARTITIONS), IMPATIENT)
    async with asyncio.timeout(IMPATIENT.start + 1):
        with pytest.raises(OSError, match=re.escape(f"Kafka at {','.join(servers)} can't be reached")):
            await store.start()
