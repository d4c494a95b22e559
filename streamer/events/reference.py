"""What docs say of a published schema: its fields as Markdown tables, and its example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from streamer.generated import table

WIDTH: Final = 120

_NULL: Final = {"type": "null"}


def example(schema: Mapping[str, Any]) -> str:
    """Return a schema's example as a block of JSON."""
    (value,) = schema["examples"]
    members = [f"  {_member(key, each, 2)}" for key, each in value.items()]
    return "```json\n{\n" + ",\n".join(members) + "\n}\n```\n"


def fields(schema: Mapping[str, Any]) -> str:
    """Return the tables of a schema that `streamer.events.generate` made: its own, then those of the objects in it."""
    objects = schema["$defs"]
    parts = [_table(schema, objects)]
    parts += [
        f"\n`{name}`: {each['description']}\n\n{_table(each, objects)}"
        for name, each in objects.items()
        if each["type"] == "object"
    ]
    return "".join(parts)


def _member(key: str, value: Any, indent: int) -> str:
    """Return a member of an object on one line if it fits, else with its own members on lines of theirs."""
    line = f'"{key}": {_text(value)}'
    if indent + len(line) < WIDTH or not isinstance(value, dict):
        return line
    inner = " " * (indent + 2)
    members = [f"{inner}{_member(name, each, indent + 2)}" for name, each in value.items()]
    return f'"{key}": {{\n' + ",\n".join(members) + f"\n{' ' * indent}}}"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}": {_text(each)}' for key, each in value.items()) + "}"
    return orjson.dumps(value).decode()


def _table(schema: Mapping[str, Any], objects: Mapping[str, Any]) -> str:
    rows = ((f"`{name}`", _kind(each), _meaning(each, objects)) for name, each in schema["properties"].items())
    return table(("Field", "Type", "Meaning"), rows)


def _kind(field: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        kinds = [_kind(each) for each in field["anyOf"] if each != _NULL]
        return " or ".join([*kinds, *(["null"] if _NULL in field["anyOf"] else [])])
    if "$ref" in field:
        return f"`{field['$ref'].rpartition('/')[2]}`"
    if "enum" in field:
        return ", ".join(f"`{word}`" for word in field["enum"])
    if field.get("format") == "date-time":
        return "time"
    for container, of in (("list", "items"), ("object", "additionalProperties")):
        if of in field and field[of].keys() & {"type", "$ref"}:
            return f"{container} of {_kind(field[of])}{'' if '$ref' in field[of] else 's'}"
    least = f", at least {field['minimum']}" if "minimum" in field else ""
    return f"{field['type']}{least}"


def _meaning(field: Mapping[str, Any], objects: Mapping[str, Any]) -> str:
    if "description" in field:
        return str(field["description"])
    return str(objects[field["$ref"].rpartition("/")[2]]["description"])
