"""Writes the published schemas, and what docs say of them: `python -m streamer.events.generate [--check]`."""

from __future__ import annotations

import sys
from copy import deepcopy
from typing import Any, Final

import msgspec
import orjson

from streamer.events.definition import AgentStatusChanged, QueueStatus, TenantStatus
from streamer.events.encode import EVENT_TYPE, ID_NAMESPACE
from streamer.events.examples import CHANGED, QUEUE, TENANT
from streamer.events.reference import example, fields
from streamer.events.schemas import AGENT_STATUS_CHANGED, CLOUDEVENT, QUEUE_STATUS, TENANT_STATUS, file_name
from streamer.generated import ROOT, keep, with_sections

README: Final = "README.md"
PAGE: Final = "docs/events.md"
QUEUES: Final = "docs/queues.md"
CONSUMING: Final = "docs/consuming.md"
QUOTED: Final = {"events_to_database.py": "python", "current_state.py": "python", "Follow.java": "java"}
"""Examples that the guide for consumers shows whole, and their languages."""
REGISTRY: Final = "docs/schema-registry.md"
WITH_REGISTRY: Final = "with_schema_registry.py"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def documents() -> dict[str, dict[str, Any]]:
    """Return each published schema by its `$id`."""
    named = {"x-ce-id-namespace": str(ID_NAMESPACE)}
    return {
        AGENT_STATUS_CHANGED: _schema(AgentStatusChanged, AGENT_STATUS_CHANGED, CHANGED, named),
        TENANT_STATUS: _schema(TenantStatus, TENANT_STATUS, TENANT, {}),
        QUEUE_STATUS: _schema(QueueStatus, QUEUE_STATUS, QUEUE, named),
        CLOUDEVENT: _envelope(),
    }


def _schema(definition: type, schema_id: str, example: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    (root,), components = msgspec.json.schema_components([definition], ref_template="#/$defs/{name}")
    components = deepcopy(components)
    body = components.pop(root["$ref"].rpartition("/")[2])
    return {"$schema": DIALECT, "$id": schema_id, **extra, **body, "examples": [example], "$defs": components}


def _envelope() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    return {
        "$schema": DIALECT,
        "$id": CLOUDEVENT,
        "title": "AgentStatusChanged as one CloudEvents 1.0 JSON document",
        "description": "CloudEvents 1.0, JSON event format (structured mode), as `streamer tail` and `demo` print it.",
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {**text, "format": "uuid"},
            "source": {**text, "format": "uri-reference"},
            "type": {"const": EVENT_TYPE},
            "subject": text,
            "time": {**text, "format": "date-time"},
            "dataschema": {"const": AGENT_STATUS_CHANGED},
            "datacontenttype": {"const": "application/json"},
            "traceparent": {"type": "string", "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"},
            "data": {"$ref": AGENT_STATUS_CHANGED},
        },
        "required": ["specversion", "id", "source", "type", "subject", "time", "dataschema", "datacontenttype", "data"],
    }


def _quoted(name: str, language: str) -> str:
    text = (ROOT / "docs" / "examples" / name).read_text(encoding="utf-8")
    return f"```{language}\n{text}```\n"


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` tell which are out of date (exit code 1)."""
    schemas = documents()
    files = {
        f"schemas/{file_name(schema_id)}": orjson.dumps(
            document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        ).decode()
        for schema_id, document in schemas.items()
    }
    event, tenant, queue = (schemas[each] for each in (AGENT_STATUS_CHANGED, TENANT_STATUS, QUEUE_STATUS))
    sections = {
        "example": example(event),
        "event": fields(event),
        "tenant-example": example(tenant),
        "tenant": fields(tenant),
    }
    pages = {
        README: with_sections(README, {"example": example(event)}),
        PAGE: with_sections(PAGE, sections),
        CONSUMING: with_sections(CONSUMING, {name: _quoted(name, language) for name, language in QUOTED.items()}),
        REGISTRY: with_sections(REGISTRY, {WITH_REGISTRY: _quoted(WITH_REGISTRY, "python")}),
        QUEUES: with_sections(QUEUES, {"queue-example": example(queue), "queue": fields(queue)}),
    }
    return keep({**files, **pages}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
