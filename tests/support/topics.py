"""What an administrator may do to topics under a running service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from confluent_kafka import KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

LARGEST: Final = 1_048_588
"""What the service sets: `max.message.bytes`."""

_WITHIN = 60.0


def limit_records(bootstrap: str, topic: str, limit: int = LARGEST) -> None:
    """Let the broker take no larger batches of records than so many bytes."""
    entry = ConfigEntry("max.message.bytes", str(limit), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    admin.incremental_alter_configs([resource])[resource].result(_WITHIN)


@contextmanager
def open_transaction(bootstrap: str, name: str, topics: list[str]) -> Iterator[Mapping[tuple[str, int], int]]:
    """Hold a transaction open on every partition of some topics, then abort it: no reader of committed records sees it.

    Yields the offset at which it begins by topic and partition.
    """
    begins: dict[tuple[str, int], int] = {}

    def written(error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        begins[str(message.topic()), int(message.partition() or 0)] = int(message.offset() or 0)

    partitions = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}).list_topics(timeout=_WITHIN).topics
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": name, "log_level": 0})
    producer.init_transactions(_WITHIN)
    producer.begin_transaction()
    for topic in topics:
        for partition in partitions[topic].partitions:
            producer.produce(topic, key=b"foreign|hanging", value=b"{}", partition=partition, on_delivery=written)
    assert producer.flush(_WITHIN) == 0, "the broker did not take the records"
    try:
        yield begins
    finally:
        producer.abort_transaction(_WITHIN)
