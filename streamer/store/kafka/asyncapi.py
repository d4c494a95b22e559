"""Writes the AsyncAPI 3 document of the topics: `python -m streamer.store.kafka.asyncapi [--check]`.

Everything in it is what the code publishes: values from `events/definition.py`, keys and headers from `events/encode.py`,
settings from `topics.py`. https://www.asyncapi.com/docs/reference/specification/v3.1.0 and the Kafka bindings 0.5.0.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import orjson

from streamer.config import Config, KafkaConfig
from streamer.events.definition import TENANT_PATTERN, AgentStatusChanged, QueueStatus, TenantStatus
from streamer.events.encode import EVENT_TYPE, QUEUE_TYPE
from streamer.events.examples import CHANGED, QUEUE, TENANT
from streamer.events.record import EVENTS, QUEUES, ROWS, TABLES, TENANTS, Topic
from streamer.events.schemas import AGENT_STATUS_CHANGED, QUEUE_STATUS, TENANT_STATUS
from streamer.generated import keep
from streamer.store.kafka.reference import REPLICAS
from streamer.store.kafka.schema_ids import HEADER
from streamer.store.kafka.topics import wanted

FILE: Final = "schemas/asyncapi.json"
BINDING: Final = "0.5.0"

Part = dict[str, Any]

SUMMARIES: Final[Mapping[Topic, str]] = {
    EVENTS: "Every change of an agent's status, in order.",
    ROWS: "The table: each agent's last event, byte for byte.",
    TENANTS: "How complete each tenant's stream is, and how the tenant fares.",
    QUEUES: "What queues show, where they are polled.",
}
MESSAGES: Final[Mapping[Topic, str]] = {
    EVENTS: "AgentStatusChanged",
    ROWS: "AgentStatusChanged",
    TENANTS: "TenantStatus",
    QUEUES: "QueueStatus",
}

INFO: Final[Part] = {
    "title": "Agent-status streamer",
    "version": "1",
    "description": (
        "Statuses of contact-centre agents, polled from vendors and published exactly once. Read with "
        "`isolation.level=read_committed`. Where the config has a `topic_prefix`, it stands before each topic's name. All of "
        "a tenant lies in one partition, `(murmur2(tenant) & 0x7fffffff) mod partitions`: it does not follow from the key. "
        "Fields are only ever added within a version; ignore those that you do not know."
    ),
    "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
}


SCHEMA_ID: Final[Part] = {
    "type": "string",
    "description": (
        "Bytes: 0 and a number in four bytes, or 1 and a UUID. The value's schema in the registry of `kafka.schema_registry`, "
        "as Confluent's clients read it; not there without one, nor until it gave an id."
    ),
}


def document() -> Part:
    """Return the whole document."""
    values = (AgentStatusChanged, TenantStatus, QueueStatus)
    _, schemas = msgspec.json.schema_components(values, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.1.0",
        "info": INFO,
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {"host": "localhost:9092", "protocol": "kafka", "description": "`kafka.bootstrap_servers`"}
        },
        "channels": {topic: _channel(topic) for topic in MESSAGES},
        "operations": {f"publish-{topic}": _operation(topic) for topic in MESSAGES},
        "components": {"messages": _messages(), "schemas": schemas},
    }


def _channel(topic: Topic) -> Part:
    retention = Config.model_fields["retention"].default
    made = wanted(topic, replicas=REPLICAS, retention=retention)
    settings: Part = {"cleanup.policy": [made["cleanup.policy"]], "max.message.bytes": int(made["max.message.bytes"])}
    settings |= {name: int(made[name]) for name in ("retention.ms", "delete.retention.ms") if name in made}
    partitions = KafkaConfig.model_fields["partitions"].default
    kafka = {"partitions": partitions, "replicas": REPLICAS, "topicConfiguration": settings, "bindingVersion": BINDING}
    return {
        "address": topic,
        "summary": SUMMARIES[topic],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _names(topic)},
        "bindings": {"kafka": kafka},
    }


def _operation(topic: Topic) -> Part:
    channel = f"#/channels/{topic}"
    return {
        "action": "send",
        "channel": {"$ref": channel},
        "summary": SUMMARIES[topic],
        "messages": [{"$ref": f"{channel}/messages/{name}"} for name in _names(topic)],
    }


def _names(topic: Topic) -> list[str]:
    return [MESSAGES[topic], *(["Tombstone"] if topic in TABLES else [])]


def _messages() -> Part:
    tenant = TENANT_PATTERN.strip("^$")
    agent, queue = (
        _key(f"^{tenant}\\|.+$", f"`tenant|{what}`: split at the first `|`.") for what in ("agent", "queue")
    )
    return {
        "AgentStatusChanged": {
            "title": "An agent's status changed",
            "headers": _cloudevent(EVENT_TYPE, AGENT_STATUS_CHANGED),
            "payload": {"$ref": "#/components/schemas/AgentStatusChanged"},
            "examples": [{"name": "changed", "payload": CHANGED}],
            "bindings": agent,
        },
        "TenantStatus": {
            "title": "A tenant's watermark and health",
            "headers": _headers(
                {"content-type": {"const": "application/json"}, "dataschema": {"const": TENANT_STATUS}}
            ),
            "payload": {"$ref": "#/components/schemas/TenantStatus"},
            "examples": [{"name": "ok", "payload": TENANT}],
            "bindings": _key(TENANT_PATTERN, "The tenant's id."),
        },
        "QueueStatus": {
            "title": "What a queue shows",
            "headers": _cloudevent(QUEUE_TYPE, QUEUE_STATUS),
            "payload": {"$ref": "#/components/schemas/QueueStatus"},
            "examples": [{"name": "busy", "payload": QUEUE}],
            "bindings": queue,
        },
        "Tombstone": {
            "title": "A row is erased",
            "summary": "No value. The key `|claim` is the service's own and means nothing to readers.",
            "payload": {"type": "null"},
            "bindings": _key(f"^({tenant}(\\|.+)?|\\|claim)$", "The key of the row."),
        },
    }


def _cloudevent(kind: str, schema: str) -> Part:
    text: Part = {"type": "string", "minLength": 1}
    return _headers(
        {
            "content-type": {"const": "application/json"},
            "ce_specversion": {"const": "1.0"},
            "ce_id": {**text, "format": "uuid", "description": "Equal for every copy of an event."},
            "ce_source": {**text, "pattern": "^/tenants/", "description": "`/tenants/<tenant>`"},
            "ce_type": {"const": kind},
            "ce_subject": {**text, "description": "The id of the agent, or of the queue."},
            "ce_time": {**text, "format": "date-time", "description": "`detected_at`"},
            "ce_dataschema": {"const": schema},
            "traceparent": {**text, "description": "W3C trace context; the events of one poll share a trace."},
        }
    )


def _headers(properties: Part) -> Part:
    """Return headers that are always there, and the one that is there where there is a schema registry."""
    return {"type": "object", "properties": {**properties, HEADER: SCHEMA_ID}, "required": list(properties)}


def _key(pattern: str, description: str) -> Part:
    key = {"type": "string", "pattern": pattern, "description": description}
    return {"kafka": {"key": key, "bindingVersion": BINDING}}


def main(arguments: list[str]) -> int:
    """Write the document, or with `--check` tell whether it is out of date (exit code 1)."""
    text = orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
    return keep({FILE: text}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
