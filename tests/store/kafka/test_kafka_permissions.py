"""Least privilege: the service runs with what `permissions` lists, and says of each thing that it lacks what it is."""

from __future__ import annotations

import asyncio
import subprocess
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, get_args

import msgspec
import pytest
from aiokafka.errors import InvalidTxnState, TopicAuthorizationFailedError
from confluent_kafka import Consumer, KafkaException

from streamer.clock import SystemClock
from streamer.config import Config, KafkaConfig, ServerConfig, StoreConfig
from streamer.events.record import EVENTS, ROWS, TOPICS, Record, Stored, Topic
from streamer.service.app import Service
from streamer.signals import ShardTaken, Signal
from streamer.store import ShardLost, StoreError, Update, open_store
from streamer.store.kafka import KafkaStore
from streamer.store.kafka.client import Clients
from streamer.store.kafka.guard import GuardedProducer
from streamer.store.kafka.permissions import Permission, Resource, commands, of_consumer, of_service
from tests.store.kafka.conftest import DAY, IMPATIENT, store_of
from tests.support.kafka_tools import tool
from tests.support.secured import SecuredKafka, User, binding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

pytestmark = pytest.mark.usefixtures("ended_connections")

WITHIN = 90.0
PREFIX = "least-"
NEEDED = of_service(KafkaConfig(topic_prefix=PREFIX), creates=True)


@pytest.fixture(scope="session")
def made_topics(secured_kafka: SecuredKafka) -> str:
    """The prefix of topics that an administrator made, with a record in each table: the claim of a take-over."""
    config = KafkaConfig(bootstrap_servers=(secured_kafka.bootstrap,), topic_prefix=PREFIX, partitions=1)
    store = KafkaStore(config=config, retention=7 * DAY, clock=SystemClock())

    async def make() -> None:
        await store.start()
        await (await store.take_over(0, lambda: True)).close()

    asyncio.run(make())
    return PREFIX


def config(kafka: SecuredKafka, user: User, prefix: str) -> KafkaConfig:
    """Return how a user's service gets there, in a group of its own."""
    return kafka.config(user, topic_prefix=prefix, group_id=f"{user.name}-group", partitions=1)


async def serve(kafka: KafkaConfig) -> list[str]:
    """Run a service without tenants until it serves its shard, or ends by itself; return what it says in the end."""
    whole = Config(store=StoreConfig("kafka"), kafka=kafka, server=ServerConfig(host="127.0.0.1", port=0))
    there = asyncio.Event()

    def watch(signal: Signal) -> None:
        if isinstance(signal, ShardTaken):
            there.set()

    service = Service(whole, store=open_store(whole, clock=SystemClock()), observers=[watch])
    running, waiting = asyncio.create_task(service.run()), asyncio.create_task(there.wait())
    await asyncio.wait({running, waiting}, timeout=WITHIN, return_when=asyncio.FIRST_COMPLETED)
    assert running.done() or waiting.done(), "neither served nor told"
    waiting.cancel()
    running.cancel()
    try:
        with suppress(asyncio.CancelledError):
            await running
    except (StoreError, BaseExceptionGroup) as error:
        return [str(each) for each in leaves([error])]
    return []


def leaves(errors: Iterable[BaseException]) -> Iterator[BaseException]:
    """Yield errors, and those in groups one by one."""
    for each in errors:
        yield from leaves(each.exceptions) if isinstance(each, BaseExceptionGroup) else [each]


async def test_what_is_listed_is_enough_to_make_topics_and_to_serve_them(
    secured_kafka: SecuredKafka, topic_prefix: str
) -> None:
    """Then it is enough without Create, too."""
    user = secured_kafka.user()
    kafka = config(secured_kafka, user, topic_prefix)
    secured_kafka.allow(user, of_service(kafka, creates=True))
    assert await serve(kafka) == []
    for topic in TOPICS:
        secured_kafka.deny(user, Permission("topic", f"{topic_prefix}{topic}", "Create"))
    assert await serve(kafka) == []


@pytest.mark.parametrize("lacks", NEEDED, ids=lambda each: f"{each.operation} on {each.resource} {each.name}")
async def test_each_thing_that_is_missing_is_told_in_one_line_with_the_command_that_gives_it(
    secured_kafka: SecuredKafka, made_topics: str, topic_prefix: str, lacks: Permission
) -> None:
    """So nothing is listed that is not needed. It ends at once, and the command makes it serve."""
    user = secured_kafka.user()
    creates = lacks.operation == "Create"
    kafka = config(secured_kafka, user, topic_prefix if creates else made_topics)
    lacks = msgspec.structs.replace(
        lacks, name=kafka.group_id if lacks.resource == "group" else lacks.name.replace(PREFIX, kafka.topic_prefix)
    )
    needed = of_service(kafka, creates=creates)
    assert lacks in needed
    secured_kafka.allow(user, [each for each in needed if each != lacks])
    (line,) = await serve(kafka)
    assert "\n" not in line
    assert lacks in {each for _, each in given_by(line)}, line
    assert {who for who, _ in given_by(line)} == {user.principal}
    assert user.password not in line


async def test_who_may_not_write_events_any_more_is_told_so_while_it_serves(
    secured_kafka: SecuredKafka, made_topics: str
) -> None:
    """No other topic's records of that transaction are written either, and no take-over is tried again and again."""
    user = secured_kafka.user()
    kafka = config(secured_kafka, user, made_topics)
    events = f"{made_topics}{EVENTS}"
    secured_kafka.allow(user, [*of_service(kafka, creates=False), Permission("topic", events, "Read")])
    store = store_of(kafka)
    shard = await store.take_over(0, lambda: True)
    try:
        key = f"{user.name}|agent".encode()
        update = Update(records=(Record(ROWS, key, None), Record(EVENTS, key, None)))
        await shard.commit(update)
        secured_kafka.deny(user, Permission("topic", events, "Write"))
        with pytest.raises(ShardLost, match=f"Write on topic {events}"):
            await shard.commit(update)
        assert isinstance((await shard.lost()).__cause__, StoreError)
    finally:
        await shard.kill()
    assert [each.key for each in await read(secured_kafka, made_topics, ROWS)].count(key) == 1


async def test_aiokafka_sends_the_rest_of_a_transaction_that_may_not_write_to_one_topic(
    secured_kafka: SecuredKafka, made_topics: str
) -> None:
    """Outside of it, for the partition was not added; only a broker that verifies refuses that. The guard ends it before."""
    user = secured_kafka.user()
    kafka = config(secured_kafka, user, made_topics)
    events, rows = (f"{made_topics}{topic}" for topic in (EVENTS, ROWS))
    needed = of_service(kafka, creates=False)
    secured_kafka.allow(user, [each for each in needed if (each.name, each.operation) != (rows, "Write")])
    producer = Clients(config=kafka, deadlines=IMPATIENT).producer(0)
    try:
        await producer.start()
        for topic in (rows, events):  # so that no send waits, and the refusal of the first comes after the second
            await producer.partitions_for(topic)
        await producer.begin_transaction()
        sent = [await producer.send(topic, b"{}", key=b"x|y", partition=0) for topic in (rows, events)]
        denied, other = await asyncio.gather(*sent, return_exceptions=True)
        assert isinstance(denied, TopicAuthorizationFailedError)
        assert isinstance(other, InvalidTxnState)
    finally:
        await GuardedProducer(producer=producer, clock=SystemClock(), deadlines=IMPATIENT).kill()


async def test_readers_need_read_alone_and_say_where_they_lack_it(
    secured_kafka: SecuredKafka, made_topics: str
) -> None:
    """As `tail` and `audit` read: without a group."""
    user = secured_kafka.user()
    kafka = config(secured_kafka, user, made_topics)
    secured_kafka.allow(user, of_consumer(kafka, group=None))
    for topic in TOPICS:
        await everything(store_of(kafka), topic)
    lacks = Permission("topic", f"{made_topics}{EVENTS}", "Read")
    secured_kafka.deny(user, lacks)
    with pytest.raises(StoreError) as refused:
        await everything(store_of(kafka), EVENTS)
    assert lacks in {each for _, each in given_by(str(refused.value))}


def test_a_consumer_in_a_group_needs_what_is_listed(secured_kafka: SecuredKafka, made_topics: str) -> None:
    """With a client that nobody here wrote."""
    user = secured_kafka.user()
    kafka = config(secured_kafka, user, made_topics)
    group = f"{user.name}-readers"
    secured_kafka.allow(user, of_consumer(kafka, group=group))
    assert joined(secured_kafka, user, group, f"{made_topics}{ROWS}")
    secured_kafka.deny(user, Permission("group", group, "Read"))
    with pytest.raises(KafkaException, match="GROUP_AUTHORIZATION_FAILED"):
        joined(secured_kafka, user, group, f"{made_topics}{ROWS}")


def test_the_commands_give_what_is_listed(secured_kafka: SecuredKafka, topic_prefix: str) -> None:
    """Kafka's own tool runs them; who is asked finds the same ACLs as the list."""
    user = secured_kafka.user()
    kafka = config(secured_kafka, user, topic_prefix)
    needed = [*of_service(kafka, creates=True), *of_consumer(kafka, group="readers")]
    lines = commands(needed, servers=secured_kafka.bootstrap, principal=user.principal)
    running = [subprocess.Popen(tool(line), stdout=subprocess.DEVNULL) for line in lines]
    assert [each.wait(60) for each in running] == [0] * len(lines)
    assert secured_kafka.permissions(user) == {binding(user, each) for each in needed}


def given_by(line: str) -> Iterator[tuple[str, Permission]]:
    """Yield what the commands in a line allow, and to whom."""
    for command in line.split("kafka-acls ")[1:]:
        words = [each.rstrip(";.") for each in command.split()]
        pairs = [(option, value) for option, value in pairwise(words) if option.startswith("--")]
        (who,) = [value for option, value in pairs if option == "--allow-principal"]
        prefixed = ("--resource-pattern-type", "prefixed") in pairs
        for option, name in pairs:
            resource = option.removeprefix("--")
            if resource in get_args(Resource):
                for operation in (value for option, value in pairs if option == "--operation"):
                    yield (
                        who,
                        msgspec.convert(
                            {"resource": resource, "name": name, "operation": operation, "prefixed": prefixed},
                            Permission,
                        ),
                    )


async def everything(store: KafkaStore, topic: Topic) -> list[Stored]:
    """Read a topic to its end."""
    return [each async for each in store.read(topic)]


async def read(kafka: SecuredKafka, prefix: str, topic: Topic) -> list[Stored]:
    """Read a topic as who may do everything."""
    return await everything(
        store_of(KafkaConfig(bootstrap_servers=(kafka.bootstrap,), topic_prefix=prefix, partitions=1)), topic
    )


def joined(kafka: SecuredKafka, user: User, group: str, topic: str) -> bool:
    """Tell whether a consumer in a group gets a record of a topic, or raise what it is told."""
    keys = kafka.keys(user)
    consumer = Consumer(
        {
            "bootstrap.servers": keys["bootstrap_servers"][0],
            "security.protocol": keys["security_protocol"],
            "sasl.mechanism": keys["sasl_mechanism"],
            "sasl.username": user.name,
            "sasl.password": user.password,
            "ssl.ca.location": keys["ssl_cafile"],
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    try:
        consumer.subscribe([topic])
        message = consumer.poll(WITHIN)
        assert message is not None
        if error := message.error():
            raise KafkaException(error)
        return True
    finally:
        consumer.close()
