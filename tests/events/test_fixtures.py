from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema
import msgspec
import orjson
import pytest
import referencing

from streamer.clock import parse_rfc3339
from streamer.events.definition import AgentStatusChanged, QueueStatus, TenantStatus
from streamer.events.schemas import (
    AGENT_STATUS_CHANGED,
    CLOUDEVENT,
    QUEUE_STATUS,
    SCHEMA_IDS,
    TENANT_STATUS,
    complaint,
    schema_text,
)

FIXTURES: Final = Path(__file__).parent / "fixtures"
SCHEMAS: Final = {
    "agent-status-changed": AGENT_STATUS_CHANGED,
    "tenant-status": TENANT_STATUS,
    "queue-status": QUEUE_STATUS,
    "agent-status-changed.cloudevent": CLOUDEVENT,
}


def cases(pattern: str) -> list[Any]:
    """Return a test case for each file, its place given the schema's name: the schema's `$id` and the file."""
    return [
        pytest.param(schema, file, id=f"{name}:{file.stem}")
        for name, schema in SCHEMAS.items()
        for file in sorted(FIXTURES.glob(pattern.format(name)))
    ]


VALID: Final = cases("{}.v1/valid/*.json")
INVALID: Final = cases("{}.v1/invalid/*.json")
RELEASED: Final = cases("released/v1/{}/*.json")


@pytest.fixture(scope="module")
def strangers() -> dict[str, jsonschema.Draft202012Validator]:
    """Validators of another library, by `$id`; they read the files as a consumer does."""
    documents = {each: orjson.loads(schema_text(each)) for each in SCHEMA_IDS}
    resources = [(name, referencing.Resource.from_contents(each)) for name, each in documents.items()]
    registry: referencing.Registry[Any] = referencing.Registry().with_resources(resources)
    return {
        name: jsonschema.Draft202012Validator(
            each, registry=registry, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
        )
        for name, each in documents.items()
    }


@pytest.mark.parametrize(("schema", "file"), VALID)
def test_what_is_valid_is_valid_for_every_reader(
    schema: str, file: Path, strangers: dict[str, jsonschema.Draft202012Validator]
) -> None:
    """Two libraries that share no code agree."""
    assert complaint(schema, file.read_bytes()) is None
    assert [error.message for error in strangers[schema].iter_errors(orjson.loads(file.read_bytes()))] == []


@pytest.mark.parametrize(("schema", "file"), INVALID)
def test_what_is_invalid_is_invalid_for_every_reader(
    schema: str, file: Path, strangers: dict[str, jsonschema.Draft202012Validator]
) -> None:
    """Two libraries that share no code agree, and what we say of it holds nothing of the value."""
    problem = complaint(schema, file.read_bytes())
    assert problem is not None
    assert not strangers[schema].is_valid(orjson.loads(file.read_bytes()))
    assert "Padma" not in problem
    assert "acme" not in problem


@pytest.mark.parametrize(("schema", "file"), RELEASED)
def test_what_was_released_stays_valid(schema: str, file: Path) -> None:
    """A version is never narrowed: what lies in somebody's topic can always be read. These files are never edited."""
    assert complaint(schema, file.read_bytes()) is None


@pytest.mark.parametrize("folder", ["valid", "invalid"])
def test_the_fixtures_cover_every_kind_of_change_and_health(folder: str) -> None:
    """And there are enough of them that a field is not forgotten."""
    texts = [orjson.loads(file.read_bytes()) for file in FIXTURES.glob(f"*.v1/{folder}/*.json")]
    assert len(texts) > 30
    if folder == "valid":
        assert {each["change"] for each in texts if "change" in each} == {
            "baseline",
            "appeared",
            "changed",
            "disappeared",
            "resync",
        }
        assert {each["health"] for each in texts if "health" in each} == {
            "ok",
            "degraded",
            "failing",
            "auth_failed",
            "not_enabled",
            "paused",
            "unconfigured",
            "forgotten",
        }


@pytest.mark.parametrize(
    ("schema", "definition", "example"),
    [
        (AGENT_STATUS_CHANGED, AgentStatusChanged, "agent-status-changed.v1/valid/changed.json"),
        (TENANT_STATUS, TenantStatus, "tenant-status.v1/valid/ok.json"),
        (QUEUE_STATUS, QueueStatus, "queue-status.v1/valid/waiting.json"),
    ],
)
def test_each_field_of_the_definition_is_required_and_missed_by_a_reader(
    schema: str, definition: type, example: str
) -> None:
    """Nothing is optional in what we write: null says what is not known. What was added later has a default instead."""
    file = FIXTURES / example
    whole = orjson.loads(file.read_bytes())
    assert set(whole) == set(definition.__struct_fields__)  # type: ignore[attr-defined]
    later = {field.name for field in msgspec.structs.fields(definition) if not field.required}
    for field in whole:
        torn = orjson.dumps({key: value for key, value in whole.items() if key != field})
        assert (complaint(schema, torn) is None) == (field in later), field


@pytest.mark.parametrize(("schema", "file"), VALID)
def test_every_time_in_a_fixture_is_one_that_we_can_read(schema: str, file: Path) -> None:
    """What the schemas let through as a time, our own reader takes."""
    assert schema in SCHEMA_IDS
    for text in times(orjson.loads(file.read_bytes())):
        assert parse_rfc3339(text) > 0


def times(value: object) -> Iterator[str]:
    """Return all texts in a value that look like a time."""
    match value:
        case dict():
            for each in value.values():
                yield from times(each)
        case str() if value.endswith("Z") and value.startswith("20"):
            yield value
        case _:
            pass
