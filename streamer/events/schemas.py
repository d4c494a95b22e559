"""The published JSON Schemas (2020-12): where they lie, and checking a value against them.

The files in `schemas/` are made from `definition.py` by `generate.py` and shipped inside the wheel.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
import orjson

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_PREFIX: Final = "urn:agent-status-streamer:schemas:"

AGENT_STATUS_CHANGED: Final = f"{_PREFIX}agent-status-changed.v1.json"
"""`$id` of the event's schema, and each event's `dataschema`."""

TENANT_STATUS: Final = f"{_PREFIX}tenant-status.v1.json"
QUEUE_STATUS: Final = f"{_PREFIX}queue-status.v1.json"
CLOUDEVENT: Final = f"{_PREFIX}agent-status-changed.cloudevent.v1.json"
"""`$id` of the schema of an event as one JSON document (structured mode), as `streamer tail` prints it."""

SCHEMA_IDS: Final = (AGENT_STATUS_CHANGED, TENANT_STATUS, QUEUE_STATUS, CLOUDEVENT)


def file_name(schema_id: str) -> str:
    """Return the name of a schema's file: the last part of its `$id`."""
    return schema_id.removeprefix(_PREFIX)


@cache
def schema_text(schema_id: str) -> bytes:
    """Return a published schema as it stands in its file.

    Raises:
        FileNotFoundError: no such schema is shipped.

    """
    return _folder().joinpath(file_name(schema_id)).read_bytes()


def complaint(schema_id: str, value: bytes) -> str | None:
    """Return the first thing that is wrong with a JSON value under a schema: the place and the rule, no data."""
    validator = _validator(schema_id)
    try:
        instance = orjson.loads(value)  # at most 1,024 levels; readers in other languages take fewer still
    except orjson.JSONDecodeError as broken:
        return f"it is no JSON that every reader can take: {broken.msg}"
    if validator.is_valid(instance):
        return None
    try:
        error = next(iter(validator.iter_errors(instance)))
    except ValueError:  # of what is wrong it copies at most 255 levels
        return "it is wrong, and nested too deeply to say where"
    place = "/".join(str(part) for part in error.instance_path)
    return f"/{place} breaks {'/'.join(str(part) for part in error.schema_path)}"


@cache
def _validator(schema_id: str) -> jsonschema_rs.Draft202012Validator:
    schemas = {each: _document(each) for each in SCHEMA_IDS}
    registry = jsonschema_rs.Registry(list(schemas.items()))
    return jsonschema_rs.Draft202012Validator(schemas[schema_id], validate_formats=True, registry=registry)


def _document(schema_id: str) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(schema_text(schema_id))
    return document


def _folder() -> Traversable:
    shipped = files("streamer.events").joinpath("_schemas")
    return shipped if shipped.is_dir() else Path(__file__).resolve().parents[2].joinpath("schemas")
