"""Where the service publishes to while Kafka is disturbed."""

from __future__ import annotations

from tests.support.readers import KafkaReader
from tests.support.trial import PARTITIONS, Place


def disturbed_place(
    brokers: str, prefix: str, *, line: str | None = None, replicas: int = 1, partitions: int = PARTITIONS
) -> Place:
    """Return a store that the service reaches by `line`, and whoever reads it directly at `brokers`.

    Its shards are placed by the group, so that the group can be disturbed too.
    """
    kafka = {
        "bootstrap_servers": (line or brokers).split(","),
        "topic_prefix": prefix,
        "partitions": partitions,
        "replication_factor": replicas,
    }
    return Place(name="kafka", config={"store": "kafka", "kafka": kafka}, reader=KafkaReader(brokers, prefix))
