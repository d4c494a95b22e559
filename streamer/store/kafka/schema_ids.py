"""The header that names a value's schema in a schema registry, and getting the ids for it, beside all publishing.

Confluent's convention: the schema of a topic's values is the subject `<topic>-value` (TopicNameStrategy), and a record
may name it in the header `__value_schema_id` instead of before the value. So the value stays plain JSON.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from streamer.events.record import EVENTS, QUEUES, ROWS, TENANTS, TOPICS, Headers, Record, Topic
from streamer.events.schemas import AGENT_STATUS_CHANGED, QUEUE_STATUS, TENANT_STATUS
from streamer.signals import SchemaProblem, SchemasChecked
from streamer.store.kafka.schema_registry import RegistryError, SchemaId, connected

if TYPE_CHECKING:
    from streamer.config import KafkaConfig, SchemaRegistryConfig
    from streamer.signals import Observer

Answer: TypeAlias = SchemaId | RegistryError

HEADER: Final = "__value_schema_id"

SCHEMAS: Final[Mapping[Topic, str]] = MappingProxyType(
    {EVENTS: AGENT_STATUS_CHANGED, ROWS: AGENT_STATUS_CHANGED, TENANTS: TENANT_STATUS, QUEUES: QUEUE_STATUS}
)
"""What the values of each topic are valid under. Each schema is whole in itself: none refers to another."""

CHECK_EVERY: Final = 30.0
"""Seconds until a registry that gave or refused ids is asked again: it may have been emptied, or given way."""

FIRST_PAUSE: Final = 1.0
"""Seconds, at the most, until one that can't be asked is tried again; twice as long each time, up to `CHECK_EVERY`."""


class SchemaIds:
    """What each topic's records have in their headers beside their own.

    An id stays until the registry gives another: it means the same while the registry is away. An agent's event and its
    row are of one schema and get one header, so that they stay equal byte for byte.
    """

    def __init__(self, *, config: KafkaConfig, check_every: float = CHECK_EVERY) -> None:
        self._headers: Mapping[Topic, Headers] = dict.fromkeys(TOPICS, ())
        self._registry = config.schema_registry
        self._prefix = config.topic_prefix
        self._check_every = check_every

    def headers_of(self, record: Record) -> Headers:
        """Return the headers that a record is written with. A tombstone has no value, so no schema either."""
        return record.headers if record.value is None else record.headers + self._headers[record.topic]

    async def keep(self, observer: Observer) -> None:
        """Have the schemas registered, now and again and again, until cancelled; at once done without a registry."""
        if self._registry is None:
            return
        failures = 0
        while True:
            answers = await self._ask(self._registry)
            self._headers = self._with(answers)
            observer(self._told(answers))
            passing = any(isinstance(each, RegistryError) and each.passing for each in answers.values())
            failures = failures + 1 if passing else 0
            await asyncio.sleep(self._pause(failures))

    async def _ask(self, config: SchemaRegistryConfig) -> Mapping[Topic, Answer]:
        """Register each topic's schema; return its id, or why there is none."""
        answers: dict[Topic, Answer] = {}
        try:
            async with connected(config) as registry:
                for topic in TOPICS:
                    try:
                        answers[topic] = await registry.register(self._subject(topic), SCHEMAS[topic])
                    except RegistryError as error:
                        if error.of_all:
                            raise
                        answers[topic] = error
        except RegistryError as error:
            return {topic: answers.get(topic, error) for topic in TOPICS}
        return answers

    def _with(self, answers: Mapping[Topic, Answer]) -> Mapping[Topic, Headers]:
        """Return the headers with the ids of those schemas that all their subjects took."""
        refused = {SCHEMAS[topic] for topic, answer in answers.items() if isinstance(answer, RegistryError)}
        given = {
            SCHEMAS[topic]: ((HEADER, bytes(answer)),)
            for topic, answer in answers.items()
            if not isinstance(answer, RegistryError) and SCHEMAS[topic] not in refused
        }
        return {topic: given.get(schema, self._headers[topic]) for topic, schema in SCHEMAS.items()}

    def _told(self, answers: Mapping[Topic, Answer]) -> SchemasChecked:
        ids: dict[str, str] = {}
        problems: dict[str, SchemaProblem] = {}
        for topic, answer in answers.items():
            if isinstance(answer, RegistryError):
                problems[self._subject(topic)] = SchemaProblem(kind=answer.kind, text=str(answer))
            else:
                ids[self._subject(topic)] = str(answer)
        return SchemasChecked(ids=ids, problems=problems)

    def _subject(self, topic: Topic) -> str:
        return f"{self._prefix}{topic}-value"

    def _pause(self, failures: int) -> float:
        """Return seconds until the registry is asked again; replicas that failed together do not come back together."""
        if not failures:
            return self._check_every
        longest = min(self._check_every, FIRST_PAUSE * 2.0 ** min(failures - 1, 16))
        return longest * (0.5 + secrets.randbelow(500) / 1000)
