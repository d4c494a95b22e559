from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest

from streamer.events.encode import ID_NAMESPACE
from streamer.events.generate import documents
from streamer.events.schemas import (
    AGENT_STATUS_CHANGED,
    SCHEMA_IDS,
    complaint,
    file_name,
    schema_text,
)

ROOT = Path(__file__).resolve().parents[2]


def document(schema: str) -> dict[str, Any]:
    """Return a schema as it stands in its file."""
    parsed: dict[str, Any] = orjson.loads(ROOT.joinpath("schemas", file_name(schema)).read_bytes())
    return parsed


def test_the_files_are_what_the_definition_says() -> None:
    """Checked the way `make check` does it."""
    done = subprocess.run(
        [sys.executable, "-m", "streamer.events.generate", "--check"], cwd=ROOT, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert {file_name(each) for each in SCHEMA_IDS} == {
        each.name for each in ROOT.joinpath("schemas").glob("*.v*.json")
    }
    assert set(documents()) == set(SCHEMA_IDS)


@pytest.mark.parametrize("schema", SCHEMA_IDS)
def test_a_schema_is_a_schema_and_named_after_its_version(schema: str) -> None:
    """Valid under the 2020-12 metaschema; `$id`, file name and what the code calls it are one name."""
    content = document(schema)
    jsonschema.Draft202012Validator.check_schema(content)
    assert content["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert content["$id"] == schema
    assert file_name(schema).endswith(".v1.json")
    assert orjson.loads(schema_text(schema)) == content


@pytest.mark.parametrize("schema", SCHEMA_IDS)
def test_the_examples_are_valid(schema: str) -> None:
    """Every schema of a value shows one, and it is a value of that schema."""
    examples = document(schema).get("examples", [])
    assert examples or "cloudevent" in schema
    assert [complaint(schema, orjson.dumps(each)) for each in examples] == [None] * len(examples)


@pytest.mark.parametrize("schema", SCHEMA_IDS)
def test_no_object_is_closed(schema: str) -> None:
    """A consumer that checks what it reads must not fail on a field of a later release."""

    def closed(value: object, path: str) -> list[str]:
        match value:
            case dict():
                own = [path] if value.get("additionalProperties") is False or "unevaluatedProperties" in value else []
                return own + [each for key, inner in value.items() for each in closed(inner, f"{path}/{key}")]
            case list():
                return [each for inner in value for each in closed(inner, path)]
            case _:
                return []

    assert closed(document(schema), "") == []


def test_the_schema_names_the_namespace_of_event_ids() -> None:
    """So that a consumer can compute an id, and it can never change within a version."""
    assert document(AGENT_STATUS_CHANGED)["x-ce-id-namespace"] == str(ID_NAMESPACE)
    assert str(ID_NAMESPACE) == "6f1b2c1e-8f0a-5a39-9d39-2f3a6f0f7c55"


def test_a_complaint_names_place_and_rule_but_no_data() -> None:
    """It goes into logs and metrics' labels."""
    value = document(AGENT_STATUS_CHANGED)["examples"][0]
    value["agent"]["name"] = ["Padma"]
    assert (
        complaint(AGENT_STATUS_CHANGED, orjson.dumps(value)) == "/agent/name breaks $defs/Agent/properties/name/anyOf"
    )


@pytest.mark.parametrize("value", [b"", b"{", b'{"a": nan}', b'{"a": "\xff"}', b"[" * 2000 + b"]" * 2000])
def test_what_is_no_json_is_complained_of_too(value: bytes) -> None:
    """Whatever the bytes are, the answer is a complaint and no exception."""
    assert (complaint(AGENT_STATUS_CHANGED, value) or "").startswith("it is no JSON that every reader can take")


@pytest.mark.parametrize("depth", [100, 300, 1000])
def test_what_is_wrong_is_complained_of_however_deeply_it_is_nested(depth: int) -> None:
    """The validator takes more levels than it can tell of."""
    value = document(AGENT_STATUS_CHANGED)["examples"][0]
    value["current"]["vendor"]["deep"] = 0
    del value["current"]["state"]
    deep = orjson.dumps(value).replace(b'"deep":0', b'"deep":' + b"[" * depth + b"]" * depth)
    assert complaint(AGENT_STATUS_CHANGED, deep) is not None
