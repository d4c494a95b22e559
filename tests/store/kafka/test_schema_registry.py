from __future__ import annotations

import asyncio
import base64
import io
import json
import ssl
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trustme
from confluent_kafka.schema_registry.serde import SchemaId as ConfluentId

from streamer.config import FileSecret, KafkaConfig, LiteralSecret, SchemaRegistryConfig
from streamer.diff.state import TenantState
from streamer.events.record import CLAIM_KEY, EVENTS, QUEUES, ROWS, TENANTS, TOPICS, Record, Topic
from streamer.events.schemas import file_name, schema_text
from streamer.signals import SchemasChecked
from streamer.store.kafka.schema_ids import CHECK_EVERY, HEADER, SCHEMAS, SchemaIds
from streamer.store.kafka.schema_registry import RegistryError, SchemaId, connected
from tests.store.kafka.conftest import PARTITIONS, SHARD, TENANT, config_of, store_of, taken
from tests.store.kafka.scripted_registry import ScriptedRegistry, scripted_registry
from tests.support.narrator import Narrator
from tests.support.ports import HOST, free_port
from tests.support.readers import KafkaReader

PREFIX = "prod."
SUBJECTS = [f"{PREFIX}{topic}-value" for topic in TOPICS]
PASSWORD = "hunter2"
GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture
async def registry() -> AsyncIterator[ScriptedRegistry]:
    """A registry that does as it is told."""
    async with scripted_registry() as running:
        yield running


def ids_of(url: str, **keys: Any) -> SchemaIds:
    """Return what keeps the ids that are to be had there, and asks for them again and again."""
    config = KafkaConfig(topic_prefix=PREFIX, schema_registry=SchemaRegistryConfig(url=url, **keys))
    return SchemaIds(config=config, check_every=0.02)


async def checked(ids: SchemaIds, times: int = 1) -> SchemasChecked:
    """Have the registry asked so often; return what was told last."""
    told: asyncio.Queue[Any] = asyncio.Queue()
    task = asyncio.create_task(ids.keep(told.put_nowait))
    try:
        async with asyncio.timeout(20):
            for _ in range(times):
                last = await told.get()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert isinstance(last, SchemasChecked)
    return last


def header_of(ids: SchemaIds, topic: Topic) -> bytes | None:
    """Return what names the schema of a topic's records."""
    return dict(ids.headers_of(Record(topic, b"k", b"{}"))).get(HEADER)


def refused(code: int, message: str) -> bytes:
    """Return an error as registries tell one."""
    return json.dumps({"error_code": code, "message": message}).encode()


def test_every_published_schema_is_whole_in_itself() -> None:
    """So none needs the API's `references`: what a schema refers to is in it."""

    def references(part: Any) -> list[str]:
        parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        own = [part["$ref"]] if isinstance(part, dict) and isinstance(part.get("$ref"), str) else []
        return own + [each for inner in parts for each in references(inner)]

    found = [each for schema in SCHEMAS.values() for each in references(json.loads(schema_text(schema)))]
    assert len(found) > 10
    assert all(each.startswith("#/$defs/") for each in found)


async def test_the_schema_of_each_topics_values_is_registered_under_its_subject(registry: ScriptedRegistry) -> None:
    """As JSON Schema, byte for byte as published, by the strategy that all clients have by default."""
    told = await checked(ids_of(f"{registry.url}/apis/ccompat/v7"))
    assert [each.path for each in registry.asked] == [
        f"/apis/ccompat/v7/subjects/{subject}/versions" for subject in SUBJECTS
    ]
    for topic, each in zip(TOPICS, registry.asked, strict=True):
        assert each.body == {"schemaType": "JSON", "schema": schema_text(SCHEMAS[topic]).decode()}
        assert each.headers["Content-Type"] == "application/vnd.schemaregistry.v1+json"
        assert "Authorization" not in each.headers
    assert told == SchemasChecked(ids=dict(zip(SUBJECTS, ("1", "1", "2", "3"), strict=True)), problems={})


async def test_a_record_names_its_schema_as_confluents_clients_read_it(registry: ScriptedRegistry) -> None:
    """By the number, or where the registry gives one by the id that is the same in all registries."""
    ids = ids_of(registry.url)
    registry.says[SUBJECTS[2]] = 200, json.dumps({"id": 7, "guid": GUID, "version": 1}).encode()
    await checked(ids)
    read = {}
    for topic in TOPICS:
        read[topic] = ConfluentId("JSON")
        payload = header_of(ids, topic)
        assert payload is not None
        assert read[topic].from_bytes(io.BytesIO(payload)).read() == b""
    assert [read[topic].id for topic in TOPICS] == [1, 1, None, 2]
    assert str(read[TENANTS].guid) == GUID


async def test_a_record_keeps_its_own_headers_and_a_tombstone_has_none(registry: ScriptedRegistry) -> None:
    ids, own = ids_of(registry.url), (("content-type", b"application/json"),)
    await checked(ids)
    assert ids.headers_of(Record(ROWS, b"k", b"{}", own)) == (*own, (HEADER, b"\0\0\0\0\1"))
    assert ids.headers_of(Record(ROWS, CLAIM_KEY, None)) == ()


async def test_without_a_registry_nothing_is_asked_and_nothing_added() -> None:
    """The record's own headers are handed on, the very same."""
    ids, own = SchemaIds(config=KafkaConfig()), (("content-type", b"application/json"),)
    async with asyncio.timeout(10):
        await ids.keep(lambda _signal: pytest.fail("nothing is to be told"))
    assert ids.headers_of(Record(EVENTS, b"k", b"{}", own)) is own


@pytest.mark.parametrize(
    ("status", "kind", "advice", "asked"),
    [
        (401, "unauthorized", "check username and password", 1),
        (403, "forbidden", "let this user read and write", 4),
        (404, "not_found", "Apicurio in /apis/ccompat/v7", 1),
        (409, "incompatible", "compatibility to FORWARD or NONE", 8),
        (422, "invalid", "does this registry know JSON Schema?", 4),
        (429, "server_error", "registry's log", 4),
        (500, "server_error", "registry's log", 4),
        (503, "server_error", "registry's log", 4),
        (307, "http_error", "is kafka.schema_registry.url that of a schema registry?", 4),
        (204, "http_error", "is kafka.schema_registry.url that of a schema registry?", 4),
    ],
)
async def test_what_a_registry_refuses_is_told_with_the_subject_the_schema_and_advice(
    registry: ScriptedRegistry, status: int, kind: str, advice: str, asked: int
) -> None:
    """What it would refuse to every schema is asked once, not for each; nobody is asked elsewhere."""
    registry.says[""] = status, b"" if status == 204 else refused(status * 100, "not so")
    ids = ids_of(registry.url, username="streamer", password=LiteralSecret(PASSWORD))
    told = await checked(ids)
    assert {each.kind for each in told.problems.values()} == {kind}
    assert list(told.problems) == SUBJECTS
    assert len(registry.asked) == asked
    text = told.problems[SUBJECTS[0]].text
    said = "" if status == 204 else " (not so)"
    assert text.startswith(
        f"{registry.url} does not take agent-status-changed.v1.json as subject {SUBJECTS[0]}: {status}{said}; "
    )
    assert advice in text
    assert PASSWORD not in str(told)
    assert all(each.path.endswith("/versions") for each in registry.asked)
    assert {header_of(ids, topic) for topic in TOPICS} == {None}


@pytest.mark.parametrize(
    "body",
    [
        '{"message": "Accès refusé"}'.encode("latin-1"),
        b'{"message": "not so", "causes": ' + b"[" * 100_000,
        b"<html>no</html>",
    ],
    ids=["no UTF-8", "deep", "no JSON"],
)
async def test_a_refusal_that_cannot_be_read_is_told_without_its_words(registry: ScriptedRegistry, body: bytes) -> None:
    """As a proxy before the registry gives one. Keeping the ids goes on."""
    registry.says[""] = 403, body
    told = await checked(ids_of(registry.url), times=2)
    assert {each.kind for each in told.problems.values()} == {"forbidden"}
    assert all(": 403; let this user" in each.text for each in told.problems.values())


async def test_who_registers_at_the_same_moment_as_another_replica_is_no_conflict(registry: ScriptedRegistry) -> None:
    """Apicurio answers 409 to all of them but one; asked again, it says the id."""
    registry.once[SUBJECTS[0]] = 409, refused(409, "already exists")
    assert (await checked(ids_of(registry.url))).problems == {}
    assert [each.subject for each in registry.asked] == [SUBJECTS[0], *SUBJECTS]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"id": "1"}',
        b'{"id": -1}',
        b'{"id": 4294967296}',
        b'{"id": 1, "guid": "not one"}',
        b"<html>hello</html>",
        b"[" * 100_000,
        b'{"id": 1, "schema": "' + b"x" * (2 * 1024 * 1024) + b'"}',
    ],
    ids=lambda body: f"{body[:20].decode()}, {len(body)} bytes",
)
async def test_rubbish_is_no_id(registry: ScriptedRegistry, body: bytes) -> None:
    """Whatever it is; it is not repeated in a message, and no more than a megabyte of it is read."""
    registry.says[""] = 200, body
    ids = ids_of(registry.url)
    told = await checked(ids)
    assert {each.kind for each in told.problems.values()} == {"rubbish"}
    assert {header_of(ids, topic) for topic in TOPICS} == {None}
    assert len(str(told)) < 2000


async def test_what_a_registry_says_is_kept_short_and_on_one_line(registry: ScriptedRegistry) -> None:
    registry.says[""] = 409, refused(409, "incompatible\n\x1b[31m" + "x" * 10_000)
    told = await checked(ids_of(registry.url))
    assert all(each.text.isprintable() and len(each.text) < 700 for each in told.problems.values())


async def test_nobody_there_and_somebody_silent_are_told_apart(registry: ScriptedRegistry) -> None:
    """Each within its time, whatever the other side does."""
    nobody = f"http://{HOST}:{free_port()}"
    told = await checked(ids_of(nobody))
    assert {each.kind for each in told.problems.values()} == {"unreachable"}
    assert told.problems[SUBJECTS[0]].text == f"{nobody}: can't connect: Connection refused"

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")
        while await reader.read(65536):
            pass
        writer.close()
        await writer.wait_closed()
        ended.set()

    ended = asyncio.Event()

    server = await asyncio.start_server(silent, HOST)
    port = server.sockets[0].getsockname()[1]
    began = time.monotonic()
    config = SchemaRegistryConfig(url=f"http://{HOST}:{port}")
    async with connected(config, within=0.2) as slow:
        with pytest.raises(RegistryError, match="does not answer within") as late:
            await slow.register("a-value", SCHEMAS[EVENTS])
    assert (late.value.kind, late.value.passing, late.value.of_all) == ("timeout", True, True)
    assert time.monotonic() - began < 10
    await ended.wait()
    server.close()
    assert registry.asked == []


async def test_an_id_stays_while_the_registry_is_away_and_gives_way_to_another(registry: ScriptedRegistry) -> None:
    """It means the same to whoever asks later. A registry that lost its data gives others, which count at once."""
    ids = ids_of(registry.url)
    await checked(ids)
    assert header_of(ids, TENANTS) == b"\0\0\0\0\2"
    for answer in ((503, b""), (401, b""), (409, b""), (200, b"rubbish")):
        registry.says[""] = answer
        assert len((await checked(ids)).problems) == len(TOPICS)
        assert header_of(ids, TENANTS) == b"\0\0\0\0\2"
    registry.says.clear()
    registry.schemas.clear()
    registry.first = 40
    told = await checked(ids)
    assert told.ids[SUBJECTS[2]] == "41"
    assert header_of(ids, TENANTS) == b"\0\0\0\0\x29"


async def test_one_schema_that_is_refused_does_not_keep_the_others_back(registry: ScriptedRegistry) -> None:
    registry.says[f"{PREFIX}{TENANTS}-value"] = 409, refused(409, "no")
    ids = ids_of(registry.url)
    told = await checked(ids)
    assert [header_of(ids, topic) is None for topic in TOPICS] == [False, False, True, False]
    assert list(told.problems) == [SUBJECTS[2]]
    assert list(told.ids) == [SUBJECTS[0], SUBJECTS[1], SUBJECTS[3]]


@pytest.mark.parametrize("topic", [EVENTS, ROWS])
async def test_an_event_and_its_row_name_their_schema_both_or_neither(registry: ScriptedRegistry, topic: Topic) -> None:
    """The row is the event byte for byte, headers too, whatever one of their subjects is refused."""
    registry.says[f"{PREFIX}{topic}-value"] = 409, refused(409, "no")
    ids = ids_of(registry.url)
    await checked(ids)
    assert (header_of(ids, EVENTS), header_of(ids, ROWS)) == (None, None)
    assert header_of(ids, QUEUES) is not None


@pytest.mark.looptime
@pytest.mark.parametrize("passing", [True, False])
async def test_there_is_no_storm_of_requests(monkeypatch: pytest.MonkeyPatch, *, passing: bool) -> None:
    """Over an hour, each in its pace: soon at first, and then twice a minute, where it will pass; else at once so."""
    config = KafkaConfig(schema_registry=SchemaRegistryConfig(url="https://registry.example"))
    ids, asked = SchemaIds(config=config), list[float]()
    error = RegistryError("busy", "no", passing=passing)

    async def ask(_config: SchemaRegistryConfig) -> dict[Topic, RegistryError]:
        asked.append(asyncio.get_running_loop().time())
        return dict.fromkeys(TOPICS, error)

    monkeypatch.setattr(ids, "_ask", ask)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3600):
            await ids.keep(lambda _signal: None)
    pauses = [after - before for before, after in pairwise(asked)]
    if passing:
        assert pauses[0] <= 1.0
        assert len(asked) <= 3600 / (CHECK_EVERY / 2) + 10
        assert max(pauses) <= CHECK_EVERY
    else:
        assert set(map(round, pauses)) == {round(CHECK_EVERY)}


async def test_a_password_is_read_anew_each_time(registry: ScriptedRegistry, tmp_path: Path) -> None:
    """In Basic authentication; a file that is not there is told, and the registry is not asked without it."""
    file = tmp_path / "password"
    file.write_text("first")
    ids = ids_of(registry.url, username="streamer", password=FileSecret(file))
    await checked(ids)
    file.write_text(f"{PASSWORD}\n")
    await checked(ids)
    sent = [base64.b64decode(each.headers["Authorization"].removeprefix("Basic ")) for each in registry.asked]
    assert sent == [b"streamer:first"] * 4 + [f"streamer:{PASSWORD}".encode()] * 4
    file.unlink()
    told = await checked(ids)
    assert {each.kind for each in told.problems.values()} == {"config"}
    assert str(file) in told.problems[SUBJECTS[0]].text
    assert len(registry.asked) == 8


async def test_a_registry_with_tls_is_known_by_its_issuer_and_knows_us_by_ours(tmp_path: Path) -> None:
    """Without the issuer's certificate it is not trusted, without ours it does not take us."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("streamer@example.org").private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    files = {"ssl_cafile": tmp_path / "ca.pem", "ssl_certfile": tmp_path / "client.pem"}
    async with scripted_registry(context) as registry:
        assert registry.url.startswith("https:")
        assert (await checked(ids_of(registry.url, **files))).problems == {}
        told = await checked(ids_of(registry.url))
        (problem,) = set(told.problems.values())
        assert problem.kind == "tls_error"
        assert "check kafka.schema_registry.ssl_cafile" in problem.text
        files.pop("ssl_certfile")
        assert len((await checked(ids_of(registry.url, **files))).problems) == len(TOPICS)


def test_an_id_is_shown_as_the_registry_calls_it() -> None:
    assert str(SchemaId(id=7)) == "7"
    assert str(SchemaId(id=7, guid=ConfluentId("JSON", guid=GUID).guid)) == GUID
    assert {file_name(each) for each in SCHEMAS.values()} == {
        "agent-status-changed.v1.json",
        "tenant-status.v1.json",
        "queue-status.v1.json",
    }


async def test_what_is_written_to_kafka_differs_by_the_one_header_alone(
    kafka: str, topic_prefix: str, registry: ScriptedRegistry
) -> None:
    """Keys, values and all other headers are byte for byte those of a service without a registry."""
    update = Narrator(TenantState(tenant=TENANT), shards=PARTITIONS).tell("a", "b", "a")
    written = {}
    for name, schema_registry in (("with", SchemaRegistryConfig(url=registry.url)), ("without", None)):
        prefix = f"{topic_prefix}{name}-"
        store = store_of(config_of(kafka, prefix, schema_registry=schema_registry))
        await store.start()
        told = asyncio.Event()
        tending = asyncio.create_task(store.tend(lambda _signal, told=told: told.set()))  # type: ignore[misc]
        if schema_registry is not None:
            async with asyncio.timeout(20):
                await told.wait()
        shard = await taken(store.attempt(SHARD))
        await shard.commit(update)
        await shard.close()
        tending.cancel()
        await asyncio.gather(tending, return_exceptions=True)
        reader = KafkaReader(kafka, prefix)
        written[name] = [each for topic in TOPICS for each in reader.read(topic)]
    assert len(written["with"]) > len(update.records)
    for one, other in zip(written["with"], written["without"], strict=True):
        assert one._replace(headers=()) == other._replace(headers=())
        named = () if one.value is None else ((HEADER, b"\0\0\0\0" + (b"\2" if one.topic == TENANTS else b"\1")),)
        assert one.headers == (*other.headers, *named)
