"""Who is in which state now, from the compacted topic: python current_state.py [BOOTSTRAP_SERVERS].

Needs confluent-kafka. Prints a JSON line for each agent, then one for each change.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

TOPIC = "agent-status"

table: dict[str, dict[str, Any]] = {}
"""By key, `tenant|agent`: each agent's last event."""


def take(message: Message) -> str:
    """Take a record into the table; return its key."""
    key, value = (message.key() or b"").decode(), message.value()
    if value is not None:
        table[key] = json.loads(value)
    else:
        table.pop(key, None)  # erased; the service's own `|claim` never was there
    return key


def show(key: str) -> None:
    """Print an agent's row."""
    if row := table.get(key):
        status = row["current"] or {"state": None, "since": None}  # null: the agent has disappeared
        told = {
            "tenant": row["tenant"],
            "agent": row["agent"]["id"],
            "state": status["state"],
            "since": status["since"],
        }
        print(json.dumps(told), flush=True)


def main(servers: str = "localhost:9092") -> None:
    """Read the table from its beginning, and go on reading it until Ctrl-C."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "current-state",  # asked for by the client, and not used: nothing is committed
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    partitions = consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
    consumer.assign([TopicPartition(TOPIC, number, 0) for number in partitions])
    unread = set(partitions)
    while True:
        message = consumer.poll(1.0)
        error = message.error() if message else None
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its name in the library
            raise KafkaException(error)
        if message is None:
            continue
        if error is None:
            key = take(message)
            if not unread:
                show(key)
        elif message.partition() in unread:
            unread.discard(message.partition())
            if not unread:
                for key in table:
                    show(key)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
