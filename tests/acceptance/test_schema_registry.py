"""A real schema registry beside the service: it is filled, refuses, is killed, loses everything, and stays away."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import dropwhile, groupby
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.json_schema import JSONDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

from streamer.config import KafkaConfig, SchemaRegistryConfig
from streamer.events.schemas import schema_text
from streamer.store.kafka.schema_ids import CHECK_EVERY, HEADER, SCHEMAS, SchemaIds
from tests.oracle import Message
from tests.support.broker import ROOT
from tests.support.ports import HOST
from tests.support.programs import ServiceProgram, wait_until
from tests.support.readers import EVENTS, QUEUES, ROWS, TENANTS
from tests.support.readers import TOPICS as READ
from tests.support.registry import Registry
from tests.support.trial import PARTITIONS, Trial, TrialSettings, judge_trial, shared_place

EXAMPLE = ROOT / "docs" / "examples" / "with_schema_registry.py"
METRIC = "streamer_schema_registered"
REPLICAS = 4
OTHERS = 5
"""Schemas of somebody else's that the registry has before ours, so that ours have other numbers in its next life."""

GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
RIGHT, WRONG = "streamer:open-sesame", "hunter2"

NOTICED_WITHIN = 2 * CHECK_EVERY + 15

OLDER = "http://json-schema.org/draft-07/schema#"


class Registered:
    """A service that is told of a registry, and what it tells of it."""

    def __init__(self, kafka: str, prefix: str, url: str, **login: Any) -> None:
        """Take the shared broker, a prefix, and where the registry is, with a login if it wants one."""
        keys: dict[str, Any] = {"partitions": PARTITIONS, "static_shards": "all"}
        self.place = shared_place(kafka, prefix, schema_registry={"url": url, **login}, **keys)
        self.subjects = {topic: f"{prefix}{topic}-value" for topic in READ}

    def until(self, what: str, service: ServiceProgram, *topics: str) -> None:
        """Wait until the schemas of these topics are registered, and no others."""

        def holds() -> bool:
            samples = service.samples()
            told = {each: samples.total(METRIC, subject=subject) for each, subject in self.subjects.items()}
            return told == {topic: float(topic in topics) for topic in READ}

        wait_until(holds, what, within=NOTICED_WITHIN, every=0.2)

    def published(self, topic: str) -> list[Message]:
        """Return a topic's records with a value, the newest of a partition last."""
        return [each for each in self.place.reader.read(topic) if each.value is not None]

    def occupy(self, registry: Registry) -> None:
        """Register schemas of somebody else's, and one for the queues that ours may not follow."""
        for number in range(OTHERS):
            register(registry, f"other-{number}", {"title": f"other {number}"})
        register(registry, self.subjects[QUEUES], {"properties": {"queue": {"type": "number"}}})
        assert registry.ask("PUT", f"/config/{self.subjects[QUEUES]}", {"compatibility": "BACKWARD"})[0] == 200


def register(registry: Registry, subject: str, schema: Mapping[str, Any]) -> None:
    """Register somebody else's schema."""
    text = json.dumps({"$schema": OLDER, "type": "object", **schema})
    assert registry.ask("POST", f"/subjects/{subject}/versions", {"schema": text, "schemaType": "JSON"})[0] == 200


@contextmanager
def following(kafka: str, registry: Registry, topic: str, said: Path) -> Iterator[None]:
    """Run the guide's program meanwhile."""
    with said.open("wb") as out:
        process = subprocess.Popen([sys.executable, str(EXAMPLE), kafka, registry.url, topic], stdout=out)
        try:
            yield
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait(20)


def named(message: Message) -> int | None:
    """Return the number by which a record names its value's schema."""
    header = dict(message.headers).get(HEADER)
    return None if header is None else int.from_bytes(header, "big")


@pytest.mark.timeout(400)
def test_records_name_their_schemas_in_a_real_registry_and_whatever_becomes_of_it_nothing_is_lost(
    kafka: str, topic_prefix: str, tmp_path: Path, dice: random.Random
) -> None:
    """Confluent's own client finds the schema by the header and the plain JSON valid under it.

    A registry that is killed changes nothing; one that comes back empty is filled again, and its new ids count; and a
    service that starts without one publishes without ids.
    """
    settings = TrialSettings(tenants=2, seed=dice.randrange(10_000), interval="400ms", agents=20)
    with Registry() as registry:
        scene = Registered(kafka, topic_prefix, registry.url)
        scene.occupy(registry)
        asyncio.run(check_that_replicas_may_begin_together(registry, f"{topic_prefix}others-"))
        with Trial(scene.place, tmp_path, settings) as trial:
            trial.start()
            scene.until("all but one are registered", trial.service, EVENTS, ROWS, TENANTS)
            check_refusal(trial.service.log(), scene.subjects[QUEUES])
            read_with_the_example(trial, scene, registry, tmp_path / "said")

            registry.kill()
            trial.wait_for_polls(5)
            scene.until("the registry is missed", trial.service)
            registry.start()
            scene.until("all are registered again", trial.service, *READ)
            assert trial.service.log().count("schema registry gives other ids than before") == 1
            trial.wait_for_polls(5)
            check(scene.published(TENANTS)[-1], registry)

            registry.kill()
            trial.restart()
            scene.until("there is no registry", trial.service)
            trial.wait_for_polls(5)
            verdict = judge_trial(trial)

    assert verdict.counts.events > 40
    lives = [named(each) for each in scene.published(TENANTS) if each.key == trial.tenants[0].encode()]
    first, second, last = [number for number, _ in groupby(dropwhile(lambda number: number is None, lives))]
    assert first is not None
    assert second is not None
    assert last is None
    assert first > OTHERS >= second


async def check_that_replicas_may_begin_together(registry: Registry, prefix: str) -> None:
    """Have some register the same at the same moment: all get the same ids at once."""
    config = KafkaConfig(topic_prefix=prefix, schema_registry=SchemaRegistryConfig(url=registry.url))
    told: list[Any] = []
    tasks = [asyncio.create_task(SchemaIds(config=config).keep(told.append)) for _ in range(REPLICAS)]
    async with asyncio.timeout(60):
        while len(told) < REPLICAS:  # noqa: ASYNC110 - they tell a function
            await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len({str(each) for each in told}) == 1
    assert len(told[0].ids) == len(READ)


def check_refusal(log: str, subject: str) -> None:
    """Find one line about what was refused, though it was refused again and again."""
    (line,) = [each for each in log.splitlines() if "schemas are not registered" in each]
    assert f"does not take queue-status.v1.json as subject {subject}: 500" in line


def read_with_the_example(trial: Trial, scene: Registered, registry: Registry, said: Path) -> None:
    """Have the guide's program read all events, and Confluent's client look at some of them."""
    trial.wait_for_polls(3)
    events = [json.loads(each.value or b"") for each in scene.published(EVENTS)]
    assert events

    def all_are_there() -> bool:
        told = [json.loads(line) for line in said.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return all(event in told for event in events)

    topic = f"{scene.place.config['kafka']['topic_prefix']}{EVENTS}"
    with following(",".join(scene.place.config["kafka"]["bootstrap_servers"]), registry, topic, said):
        wait_until(all_are_there, "the example read them", within=60, every=0.2)
    for each in (EVENTS, ROWS, TENANTS):
        check(scene.published(each)[-1], registry)


def check(message: Message, registry: Registry) -> None:
    """Have Confluent's client look a record's schema up and its value through; a value that is not valid is refused."""
    topic = message.topic
    place = SerializationContext(topic, MessageField.VALUE, dict(message.headers))
    assert message.value is not None
    value = json.loads(message.value)
    with SchemaRegistryClient({"url": registry.url}) as client:
        validated = JSONDeserializer(None, schema_registry_client=client)
        assert validated(message.value, place) == value
        with pytest.raises(SerializationError):
            validated(json.dumps({**value, "tenant": 7}).encode(), place)
    _, found = registry.ask("GET", f"/schemas/ids/{named(message)}")
    (published,) = (schema for known, schema in SCHEMAS.items() if known == topic)
    assert found["schema"] == schema_text(published).decode()


class Guarded(ThreadingHTTPServer):
    """A registry that knows one password, and answers nobody until it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        """Serve on a free port."""
        super().__init__((HOST, 0), _Door)
        self.awake = threading.Event()
        self.asked = 0
        self.url = f"http://{HOST}:{self.server_address[1]}"


class _Door(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Take a schema from who has the password."""
        registry = self.server
        assert isinstance(registry, Guarded)
        registry.asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        registry.awake.wait(60)
        knows = self.headers["Authorization"] == f"Basic {base64.b64encode(RIGHT.encode()).decode()}"
        answer = {"id": 7, "guid": GUID} if knows else {"error_code": 401, "message": "Unauthorized"}
        self.send_response(200 if knows else 401)
        self.end_headers()
        with suppress(OSError):  # who asked may be gone
            self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.timeout(300)
def test_a_registry_that_is_silent_or_refuses_us_holds_nothing_up_and_is_not_pestered(
    kafka: str, topic_prefix: str, tmp_path: Path, dice: random.Random
) -> None:
    """A wrong password is one line and a request twice a minute; the right one counts without a restart."""
    password = tmp_path / "password"
    password.write_text(WRONG)
    with Guarded() as registry:
        threading.Thread(target=registry.serve_forever, daemon=True).start()
        keys = {"username": "streamer", "password": {"file": str(password)}}
        scene = Registered(kafka, topic_prefix, registry.url, **keys)
        settings = TrialSettings(tenants=2, seed=dice.randrange(10_000), interval="400ms", agents=20)
        with Trial(scene.place, tmp_path, settings) as trial:
            trial.start()
            trial.wait_for_polls(5)
            assert registry.asked
            wait_until(lambda: "does not answer within" in trial.service.log(), "the silence is told", within=30)
            registry.awake.set()
            wait_until(lambda: "check username and password" in trial.service.log(), "the refusal is told", within=30)
            before = registry.asked
            trial.wait_for_polls(10)
            assert registry.asked <= before + 2
            assert {named(each) for each in scene.published(EVENTS)} == {None}
            password.write_text(RIGHT.partition(":")[2])
            scene.until("all are registered", trial.service, *READ)
            trial.wait_for_polls(5)
            judge_trial(trial)
            log = trial.service.log()
        registry.shutdown()

    assert log.count("schemas are not registered") == 2
    assert WRONG not in log
    assert RIGHT.partition(":")[2] not in log
    assert dict(scene.published(TENANTS)[-1].headers)[HEADER] == b"\1" + UUID(GUID).bytes
