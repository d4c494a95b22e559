"""Each change, valid under the schema that its header names: python with_schema_registry.py [SERVERS [REGISTRY [TOPIC]]].

Needs confluent-kafka with its extras `json` and `schemaregistry`. Prints a JSON line for each event.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress

from confluent_kafka import Consumer, KafkaException
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.json_schema import JSONDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext


def main(
    servers: str = "localhost:9092", registry: str = "http://localhost:8081", topic: str = "agent-status-changed"
) -> None:
    """Follow the events until Ctrl-C."""
    validated = JSONDeserializer(None, schema_registry_client=SchemaRegistryClient({"url": registry}))
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "with-schema-registry",
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    while True:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        headers, value = message.headers() or [], message.value() or b""
        if "__value_schema_id" in dict(headers):
            event = validated(value, SerializationContext(topic, MessageField.VALUE, headers))
        else:  # published before the registry gave an id
            event = json.loads(value)
        print(json.dumps(event), flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
