"""Asking a cluster for topics and making new ones: aiokafka's admin client, typed, with its errors looked at."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidReplicationFactorError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from msgspec import Struct

from streamer.events.record import TOPICS
from streamer.store.engine import StoreError
from streamer.store.kafka.closing import abort_connections, to_its_end, within
from streamer.store.kafka.permissions import Permission, forbidden, how, of_topic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable

    from streamer.config import KafkaConfig
    from streamer.store.kafka.client import Clients

_ADVICE: Final = {
    InvalidReplicationFactorError: "set kafka.replication_factor to at most the number of brokers",
}


class Found(Struct, frozen=True):
    """A topic as it is in the cluster; `settings` holds those that were asked for."""

    name: str
    partitions: int
    replicas: int
    settings: Mapping[str, str]


class Wanted(Struct, frozen=True):
    """A topic to be made."""

    name: str
    partitions: int
    replicas: int
    settings: Mapping[str, str]


class Admin:
    """A connection for looking at topics and making them; made by `administering`."""

    def __init__(self, client: Any, *, config: KafkaConfig) -> None:
        self._client = client
        self._config = config

    async def find(self, names: Collection[str], settings: Collection[str]) -> dict[str, Found]:
        """Return those of the topics that are there and ready, by name.

        All topics of the cluster are asked for: a request that names one creates it where brokers create topics by
        themselves, with one partition and their default settings.
        """
        topics = {
            topic["topic"]: topic["partitions"]
            for topic in await self._client.describe_topics()
            if topic["topic"] in names and all(partition["leader"] >= 0 for partition in topic["partitions"])
        }
        values = await self._settings(topics, settings)
        return {
            name: Found(
                name=name,
                partitions=len(partitions),
                replicas=min(len(partition["replicas"]) for partition in partitions),
                settings=values[name],
            )
            for name, partitions in topics.items()
            if name in values
        }

    async def create(self, wanted: Iterable[Wanted]) -> None:
        """Make topics. That another replica makes them at the same moment is fine.

        Raises:
            StoreError: the cluster will not make them, or we may not see those that are there.

        """
        answer = await self._client.create_topics(
            [NewTopic(topic.name, topic.partitions, topic.replicas, topic_configs=topic.settings) for topic in wanted]
        )
        for error in answer.to_object()["topic_errors"]:  # it does not raise
            name, code = error["topic"], error["error_code"]
            if for_code(code) is TopicAuthorizationFailedError:
                raise StoreError(
                    f"topic {name} is not there, and we may not make it, or it is there, and we may not see it. If it "
                    f"is: {how(self._on(name), self._config)}. If we shall make it: "
                    f"{how([Permission('topic', name, 'Create')], self._config)}"
                )
            _check(code, f"topic {name} can't be created", error.get("error_message"))

    async def check_visible(self, names: Collection[str]) -> None:
        """Check that we may see topics that are there; to name one that is not may make it, with wrong settings.

        Raises:
            StoreError: we may not.

        """
        for topic in await self._client.describe_topics(list(names)):
            if for_code(topic["error_code"]) is TopicAuthorizationFailedError:
                name = topic["topic"]
                raise StoreError(f"topic {name} is there, and we may not see it: {how(self._on(name), self._config)}")

    def _on(self, name: str) -> list[Permission]:
        """Return what we need on a topic."""
        (topic,) = (each for each in TOPICS if f"{self._config.topic_prefix}{each}" == name)
        return of_topic(self._config, topic)

    async def _settings(self, topics: Iterable[str], settings: Iterable[str]) -> dict[str, dict[str, str]]:
        asked = [ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys(settings)) for name in topics]
        found = {}
        for answer in await self._client.describe_configs(asked) if asked else ():
            for topic in answer.to_object()["resources"]:
                name, code = topic["resource_name"], topic["error_code"]
                if for_code(code) is UnknownTopicOrPartitionError:  # this broker has not heard of it yet
                    continue
                if for_code(code) is TopicAuthorizationFailedError:
                    raise forbidden([Permission("topic", name, "DescribeConfigs")], self._config)
                _check(code, f"the settings of topic {name} can't be read", topic["error_message"])
                found[name] = {entry["config_names"]: entry["config_value"] for entry in topic["config_entries"]}
        return found


@asynccontextmanager
async def administering(clients: Clients) -> AsyncIterator[Admin]:
    """Open an admin connection.

    Raises:
        aiokafka.errors.KafkaConnectionError: no server answered, or none took the login.

    """
    client = clients.admin()
    try:
        await client.start()
        yield Admin(client, config=clients.config)
    finally:
        await to_its_end(_close(client, clients))


async def _close(client: Any, clients: Clients) -> None:
    if not await within(clients.deadlines.kill, client.close()):
        abort_connections(client._client)  # noqa: SLF001


def _check(code: int, what: str, message: str | None) -> None:
    kind = for_code(code)
    if code == 0 or kind is TopicAlreadyExistsError:
        return
    error: KafkaError = kind(message or "")
    if kind.retriable:
        raise error
    advice = _ADVICE.get(kind, "create it by hand as docs/kafka.md says, or ask who runs the cluster")
    raise StoreError(f"{what}: {kind.__name__}: {message or 'no reason given'}; {advice}")
