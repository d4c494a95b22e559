"""Rules about the form: valid under the published schemas, the envelope says what the value says, one place a tenant."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import jsonschema_rs
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from tests.oracle.case import CLAIM_KEY, Case, Violation, of
from tests.oracle.evidence import Evidence, Message

SCHEMAS = Path(__file__).parents[2] / "schemas"
EVENT = "agent-status-changed.v1.json"
CLOUDEVENT = "agent-status-changed.cloudevent.v1.json"
TENANT = "tenant-status.v1.json"

LOOKED_AT_TWICE = 5_000


def values_are_valid(evidence: Evidence) -> Iterator[Violation]:
    """Each event, the envelope around it, and each tenant's record are valid under the published schemas.

    One library looks at all of them; a second one, which takes a hundred times as long, at `LOOKED_AT_TWICE` of each.
    """
    every = len(evidence.events) // LOOKED_AT_TWICE + 1
    for number, message in enumerate(evidence.events):
        yield from _complaints(message, EVENT, message.value, twice=number % every == 0)
        yield from _complaints(message, CLOUDEVENT, _structured(message), twice=number % every == 0)
    every = len(evidence.tenants) // LOOKED_AT_TWICE + 1
    for number, message in enumerate(evidence.tenants):
        if message.value is not None:
            yield from _complaints(message, TENANT, message.value, twice=number % every == 0)


def envelope_agrees(case: Case) -> Iterator[Violation]:
    """The headers name the tenant, agent, time and schema of the value, and the id can be computed from it."""
    namespace = UUID(_document(EVENT)["x-ce-id-namespace"])
    for event in case.events:
        tenant, agent = event.who
        name = [tenant, agent, event.sequence, event.data["detected_at"]]
        expected = {
            "content-type": "application/json",
            "ce_specversion": "1.0",
            "ce_type": "AgentStatusChanged",
            "ce_source": f"/tenants/{tenant}",
            "ce_subject": agent,
            "ce_time": event.data["detected_at"],
            "ce_dataschema": _document(EVENT)["$id"],
            "ce_id": str(uuid5(namespace, json.dumps(name, separators=(",", ":"), ensure_ascii=False))),
        }
        headers = dict(event.message.headers)
        for header, value in expected.items():
            if headers.get(header) != value.encode():
                yield of(event, "envelope", f"header {header} is {headers.get(header)!r}, not {value!r}")


def source_is_told(case: Case) -> Iterator[Violation]:
    """Each event names the source that its tenant was polled by."""
    polled = {tenant: source for source, told in case.evidence.truth.items() for tenant, _ in told}
    for event in case.events:
        if event.data["source"] != polled.get(event.tenant):
            yield of(event, "source", f"it names {event.data['source']}, polled was {polled.get(event.tenant)}")


def place_is_constant(case: Case) -> Iterator[Violation]:
    """All records of a tenant lie in one partition, the same of each topic, under the keys that the schema names."""
    places: dict[str, set[int]] = defaultdict(set)
    for event in case.events:
        places[event.tenant].add(event.message.partition)
        if event.message.key != "|".join(event.who).encode():
            yield of(event, "place", f"the key is {event.message.key!r}")
    for record in case.records:
        places[record.tenant].add(record.message.partition)
        if record.message.key != record.tenant.encode():
            yield Violation("place", record.tenant, None, f"the key is {record.message.key!r}")
    for row in case.evidence.rows:
        if row.key != CLAIM_KEY:
            places[row.key.decode().partition("|")[0]].add(row.partition)
    for tenant, partitions in places.items():
        if len(partitions) > 1:
            yield Violation("place", tenant, None, f"records in partitions {sorted(partitions)}")


def _complaints(message: Message, schema: str, value: bytes | None, *, twice: bool) -> Iterator[Violation]:
    place = f"{message.topic}[{message.partition}]@{message.offset}"
    tenant = message.key.decode(errors="replace").partition("|")[0]
    try:
        instance = json.loads(value or b"")
    except ValueError as no_json:
        yield Violation("schema", tenant, None, f"{place} is no JSON: {no_json}")
        return
    valid = _quick_validator(schema).is_valid(instance)
    if valid and not twice:
        return
    errors = [f"{error.json_path}: {error.message}" for error in _validator(schema).iter_errors(instance)]
    if not valid and not errors:
        errors = [str(error) for error in _quick_validator(schema).iter_errors(instance)]
    for error in errors:
        yield Violation("schema", tenant, None, f"{place} {error}")


def _structured(message: Message) -> bytes:
    """The event in CloudEvents' structured mode, made from the binary mode's headers (Kafka binding, 3.2)."""
    attributes: dict[str, Any] = {
        name.removeprefix("ce_"): value.decode() for name, value in message.headers if name.startswith("ce_")
    }
    headers: Mapping[str, bytes] = dict(message.headers)
    attributes["traceparent"] = headers.get("traceparent", b"").decode()
    attributes["datacontenttype"] = headers.get("content-type", b"").decode()
    head = json.dumps(attributes)
    return head[:-1].encode() + b',"data":' + (message.value or b"null") + b"}"


@cache
def _document(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((SCHEMAS / name).read_bytes())
    return document


@cache
def _quick_validator(name: str) -> jsonschema_rs.Draft202012Validator:
    documents = [(_document(each)["$id"], _document(each)) for each in (EVENT, CLOUDEVENT, TENANT)]
    registry = jsonschema_rs.Registry(documents)
    return jsonschema_rs.Draft202012Validator(_document(name), validate_formats=True, registry=registry)


@cache
def _validator(name: str) -> Draft202012Validator:
    documents: Sequence[Mapping[str, Any]] = [_document(each) for each in (EVENT, CLOUDEVENT, TENANT)]
    registry: Registry[Any] = Registry().with_resources(
        (document["$id"], Resource.from_contents(document)) for document in documents
    )
    return Draft202012Validator(_document(name), registry=registry, format_checker=FormatChecker())
