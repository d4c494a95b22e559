"""A cluster that asks who is there: the service with the least permissions, killed and taken over; passwords that change."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from msgspec.structs import replace

from streamer.cli.demo import PREFIX
from streamer.config import KafkaConfig
from streamer.store.kafka.permissions import Permission, of_consumer, of_service
from tests.support.broker import ROOT
from tests.support.network import Cut, Network
from tests.support.ports import HOST
from tests.support.programs import wait_until
from tests.support.readers import EVENTS, TOPICS, KafkaReader
from tests.support.trial import PARTITIONS, Place, Trial, TrialSettings, judge_trial, leaks, pause

if TYPE_CHECKING:
    from tests.support.secured import SecuredKafka, User

SASL_HANDSHAKE = 17
"""The request that begins a login (Kafka's protocol, api key)."""

DEMO = KafkaConfig(topic_prefix=PREFIX, static_shards=frozenset({0}))

WRONG_FOR = 8.0
MOST_LOGINS = 6
"""In so many seconds after the first: at 1, 3 and 7, and one more where a client had begun already, with some to spare."""


def place_of(kafka: SecuredKafka, user: User, prefix: str, password: Path, **keys: Any) -> Place:
    """Return the store as a user gets there, with the password in a file; it is read by who may do everything."""
    password.write_text(user.password)
    own = {"topic_prefix": prefix, "partitions": PARTITIONS, "sasl_plain_password": {"file": str(password)}}
    config = {"store": "kafka", "kafka": kafka.keys(user, **own, **keys)}
    return Place(name="kafka", config=config, reader=KafkaReader(kafka.bootstrap, prefix))


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the product to its end."""
    return subprocess.run(
        [sys.executable, "-m", "streamer", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=90,
        check=False,
    )


@pytest.mark.timeout(300)
def test_a_service_with_the_least_permissions_is_killed_and_taken_over_and_nothing_is_lost(
    secured_kafka: SecuredKafka, topic_prefix: str, tmp_path: Path, dice: random.Random
) -> None:
    """It makes its topics and then may not any more; consumers with their own login read it, `tail` and `audit` among them."""
    user, reader = secured_kafka.user(), secured_kafka.user("SCRAM-SHA-256")
    names = KafkaConfig(topic_prefix=topic_prefix)
    secured_kafka.allow(user, of_service(names, creates=True))
    secured_kafka.allow(reader, of_consumer(names, group=None))
    place = place_of(secured_kafka, user, topic_prefix, tmp_path / "password")
    settings = TrialSettings(seed=dice.randrange(10_000), interval="400ms", agents=30)
    with Trial(place, tmp_path, settings) as trial:
        trial.start()
        pause(1)
        for topic in TOPICS:
            secured_kafka.deny(user, Permission("topic", f"{topic_prefix}{topic}", "Create"))
        for _ in range(2):
            trial.service.kill()
            trial.service.start().wait_ready()
            pause(dice.uniform(0.5, 1.5))
        verdict = judge_trial(trial)
        assert not leaks(trial, {"log": trial.service.log()})
    assert user.password not in trial.service.log()
    assert verdict.counts.changes

    config = tmp_path / "reader.yaml"
    kafka = place_of(secured_kafka, reader, topic_prefix, tmp_path / "other").config
    config.write_text(yaml.safe_dump({**kafka, "tenants": []}))
    audit = command("audit", "--config", str(config), "--output", "json")
    assert (audit.returncode, json.loads(audit.stdout.splitlines()[-1])["agrees"]) == (0, True), audit.stderr
    secured_kafka.deny(reader, Permission("topic", f"{topic_prefix}{EVENTS}", "Read"))
    tail = command("tail", "--config", str(config), "--from-beginning")
    assert tail.returncode == 1
    assert f"Read on topic {topic_prefix}{EVENTS}" in tail.stderr.splitlines()[-1]


@pytest.mark.timeout(300)
def test_a_wrong_password_is_told_once_and_tried_seldom_and_the_right_one_is_taken_up(
    secured_kafka: SecuredKafka, topic_prefix: str, tmp_path: Path, dice: random.Random
) -> None:
    """At the start, and under way, when all connections are lost after somebody changed it: alive, not ready, patient."""
    user, password = secured_kafka.user(), tmp_path / "password"
    secured_kafka.allow(user, of_service(KafkaConfig(topic_prefix=topic_prefix), creates=True))
    with Network(secured_kafka.address("LOGINPLAIN")) as network:
        line = network.line()
        keys: dict[str, Any] = {"bootstrap_servers": [line.bootstrap], "security_protocol": "SASL_PLAINTEXT"}
        place = place_of(secured_kafka, user, topic_prefix, password, **keys)
        del place.config["kafka"]["ssl_cafile"]
        settings = TrialSettings(tenants=2, seed=dice.randrange(10_000), interval="400ms", agents=20)
        with Trial(place, tmp_path, settings) as trial:
            service = trial.service

            def refused() -> bool:
                return "refuses the login" in service.get("/readyz")[1]

            def seldom() -> None:
                before = line.seen[SASL_HANDSHAKE]
                pause(WRONG_FOR, meanwhile=lambda: None)
                assert line.seen[SASL_HANDSHAKE] - before <= MOST_LOGINS
                assert service.get("/livez")[0] == 200
                assert service.running
                assert refused()

            password.write_text("hunter2")
            service.start()
            wait_until(refused, "/readyz says why")
            seldom()
            (told,) = [each for each in service.log().splitlines() if "refuses the login" in each]
            assert "kafka.sasl_plain_password" in told
            password.write_text(user.password)
            trial.begin()
            pause(1)

            secured_kafka.set_password(user, "changed-by-others")
            trial.wait_for_polls(2)  # who is connected stays connected
            line.cut(Cut.REFUSE)
            line.heal()
            wait_until(refused, "/readyz says why again", within=60)
            seldom()
            password.write_text("changed-by-others")
            service.wait_ready()
            verdict = judge_trial(trial)
            assert service.starts == 1
            lines = [each for each in service.log().splitlines() if "refuses the login" in each]
            assert len(lines) <= 4, lines  # at the start; of the group; of the shards; of a member begun anew
            assert not any(word in service.log() for word in ("hunter2", user.password, "changed-by-others"))
    assert verdict.counts.changes


def test_the_demo_uses_the_kafka_of_a_config_with_its_login(secured_kafka: SecuredKafka, tmp_path: Path) -> None:
    """With topics of its own, whose names are not known before, so no schema registry is told of them."""
    user = secured_kafka.user()
    secured_kafka.allow(user, {replace(each, name=PREFIX, prefixed=True) for each in of_service(DEMO, creates=True)})
    config = tmp_path / "streamer.yaml"
    with socket.create_server((HOST, 0)) as registry:
        registry.settimeout(0)
        keys = {"schema_registry": {"url": f"http://{HOST}:{registry.getsockname()[1]}"}}
        place = place_of(secured_kafka, user, "", tmp_path / "password", **keys)
        config.write_text(yaml.safe_dump({**place.config, "tenants": []}))
        demo = command("demo", "--kafka", str(config), "--duration", "15", "--output", "json", "--tenants", "1")
        with pytest.raises(BlockingIOError):
            registry.accept()
    assert demo.returncode == 0, demo.stderr
    assert {json.loads(line)["data"]["change"] for line in demo.stdout.splitlines()} >= {"baseline"}
    assert user.password not in demo.stderr + demo.stdout
