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

from streamer.store.engine import StoreError
from streamer.store.kafka.closing import abort_connections, within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable

    from streamer.store.kafka.client import Clients

_ADVICE: Final = {
    InvalidReplicationFactorError: "set kafka.replication_factor to at most the number of brokers",
    TopicAuthorizationFailedError: "allow this service Create, Describe and DescribeConfigs on it",
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

    def __init__(self, client: Any) -> None:
        self._client = client

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
            StoreError: the cluster will not make them.

        """
        answer = await self._client.create_topics(
            [NewTopic(topic.name, topic.partitions, topic.replicas, topic_configs=topic.settings) for topic in wanted]
        )
        for error in answer.to_object()["topic_errors"]:  # it does not raise
            _check(error["error_code"], f"topic {error['topic']} can't be created", error.get("error_message"))

    async def _settings(self, topics: Iterable[str], settings: Iterable[str]) -> dict[str, dict[str, str]]:
        asked = [ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys(settings)) for name in topics]
        found = {}
        for answer in await self._client.describe_configs(asked) if asked else ():
            for topic in answer.to_object()["resources"]:
                name, code = topic["resource_name"], topic["error_code"]
                if for_code(code) is UnknownTopicOrPartitionError:  # this broker has not heard of it yet
                    continue
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
        yield Admin(client)
    finally:
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
