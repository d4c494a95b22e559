"""Logins and certificates on the real broker: what works, what is said of what does not, and how seldom it is tried."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from streamer.config import FileSecret, KafkaConfig, LiteralSecret
from streamer.store.kafka.client import Clients
from streamer.store.kafka.connector import PAUSE_FIRST, PAUSE_LONGEST
from streamer.store.kafka.handshake import HandshakeError
from tests.service.conftest import HandClock
from tests.store.kafka.conftest import PATIENT, store_of
from tests.support.kafka_proxy import Cut, KafkaProxy
from tests.support.secured import MECHANISMS, Authority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.secured import SecuredKafka, User

pytestmark = pytest.mark.usefixtures("ended_connections")

SASL_HANDSHAKE = 17
"""The request that begins a login (Kafka's protocol, api key)."""

BY_CERTIFICATE = {"security_protocol": "SSL", "sasl_mechanism": None, "sasl_plain_username": None}
BY_CERTIFICATE |= {"sasl_plain_password": None}


async def knock(clients: Clients) -> None:
    """Open an admin connection, which asks for metadata, and close it."""
    client = clients.admin()
    try:
        await client.start()
    finally:
        await client.close()


async def said_by(config: KafkaConfig) -> str:
    """Return the one line that says why there is no connection."""
    with pytest.raises(OSError, match=r"no connection to Kafka|can't be reached") as refused:
        await store_of(config).start()
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_every_mechanism_logs_in(secured_kafka: SecuredKafka, mechanism: str) -> None:
    """Encrypted, and without encryption too."""
    user = secured_kafka.user(mechanism)
    plain = {"security_protocol": "SASL_PLAINTEXT", "ssl_cafile": None}
    for keys in ({}, {**plain, "bootstrap_servers": [secured_kafka.address("LOGINPLAIN")]}):
        await knock(Clients(config=secured_kafka.config(user, **keys), deadlines=PATIENT))


@pytest.mark.parametrize("form", ["one file", "two files", "locked key"])
async def test_a_certificate_logs_in(secured_kafka: SecuredKafka, form: str) -> None:
    """Mutual TLS, in each form that the config knows."""
    name = form.replace(" ", "-")
    password = "open sesame" if form == "locked key" else None
    issued = secured_kafka.authority.issue(name, password=password)
    files: dict[str, Any] = {"ssl_certfile": issued}
    if form != "one file":
        files = {"ssl_certfile": issued.with_suffix(".crt"), "ssl_keyfile": issued.with_suffix(".key")}
    if password is not None:
        files["ssl_password"] = LiteralSecret(password)
    await knock(Clients(config=mutual(secured_kafka, **files), deadlines=PATIENT))


def mutual(kafka: SecuredKafka, listener: str = "MUTUAL", **keys: Any) -> KafkaConfig:
    """Return a config that logs in by certificate if at all."""
    return kafka.config(kafka.user(), bootstrap_servers=[kafka.address(listener)], **{**BY_CERTIFICATE, **keys})


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_a_wrong_password_is_told_and_never_shown(secured_kafka: SecuredKafka, mechanism: str) -> None:
    """Who refuses, whom, and which keys to look at."""
    config = secured_kafka.config(secured_kafka.user(mechanism), sasl_plain_password=LiteralSecret("hunter2"))
    line = await said_by(config)
    place = secured_kafka.address("LOGIN")
    assert f"{place} refuses the login of user {config.sasl_plain_username}: Authentication failed" in line
    assert line.endswith("check kafka.sasl_plain_username and kafka.sasl_plain_password")
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("listener", "keys", "told"),
    [
        (
            "LOGIN",
            {"ssl_cafile": None},
            r"is not accepted: unable to get local issuer certificate; .* kafka.ssl_cafile",
        ),
        ("EXPIRED", {}, "is not accepted: certificate has expired; have it renewed"),
        ("ELSEWHERE", {}, r"is not accepted: IP address mismatch, .*127.0.0.1'; .*kafka.ssl_check_hostname: false"),
        ("MUTUAL", {}, "refuses the TLS handshake: bad certificate; .*set kafka.ssl_certfile"),
        ("MUTUAL", {"ssl_certfile": "expired"}, "refuses the TLS handshake: certificate unknown; check ssl_certfile"),
        ("MUTUAL", {"ssl_certfile": "foreign"}, "refuses the TLS handshake: certificate unknown; check ssl_certfile"),
        ("MUTUAL", {"ssl_certfile": "missing"}, r"no login can be made: missing cannot be read: No such file"),
        ("LOGIN", {}, "ends the connection; does it want another kafka.security_protocol than SSL"),
        ("LOGIN", {"security_protocol": "PLAINTEXT", "ssl_cafile": None}, "another kafka.security_protocol than PLAIN"),
    ],
    ids=str,
)
async def test_a_certificate_that_does_not_fit_is_told_in_one_line(
    secured_kafka: SecuredKafka, tmp_path: Path, listener: str, keys: dict[str, Any], told: str
) -> None:
    """Theirs or ours, with what to do about it."""
    files = {
        "expired": secured_kafka.authority.issue("too-old", expired=True),
        "foreign": Authority(tmp_path).issue("foreign"),
        "missing": Path("missing"),
    }
    if "ssl_certfile" in keys:
        keys = {"ssl_certfile": files[keys["ssl_certfile"]]}
    assert_matches(told, await said_by(mutual(secured_kafka, listener, **keys)))


def assert_matches(pattern: str, text: str) -> None:
    """Assert that a text holds a pattern."""
    __tracebackhide__ = True
    with pytest.raises(RuntimeError, match=pattern):
        raise RuntimeError(text)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"security_protocol": "SASL_SSL", "ssl_check_hostname": False}, "wants no login; .*security_protocol to SSL,"),
        (
            {"security_protocol": "SASL_PLAINTEXT", "ssl_cafile": None},
            "wants no login; .*security_protocol to PLAINTEXT",
        ),
    ],
    ids=["TLS", "plain"],
)
async def test_a_listener_without_logins_is_told(secured_kafka: SecuredKafka, keys: dict[str, Any], told: str) -> None:
    """The login is not sent to it."""
    servers = [secured_kafka.address("ELSEWHERE") if "ssl_check_hostname" in keys else secured_kafka.bootstrap]
    assert_matches(told, await said_by(secured_kafka.config(secured_kafka.user(), bootstrap_servers=servers, **keys)))


async def test_a_mechanism_that_is_not_offered_is_told(secured_kafka: SecuredKafka) -> None:
    """The user of SCRAM-SHA-256 has no SCRAM-SHA-512, which is a wrong login; a listener without one says so."""
    user = secured_kafka.user("SCRAM-SHA-256")
    line = await said_by(secured_kafka.config(user, sasl_mechanism="SCRAM-SHA-512"))
    assert "refuses the login" in line


@pytest.fixture
async def counted(secured_kafka: SecuredKafka) -> AsyncIterator[KafkaProxy]:
    """A way to the broker on which logins are counted."""
    async with KafkaProxy(secured_kafka.address("LOGINPLAIN")) as proxy:
        yield proxy


def through(proxy: KafkaProxy, kafka: SecuredKafka, user: User, password: Path) -> KafkaConfig:
    """Return a config that goes through the proxy, with its password in a file."""
    return kafka.config(
        user,
        bootstrap_servers=[proxy.bootstrap],
        security_protocol="SASL_PLAINTEXT",
        ssl_cafile=None,
        sasl_plain_password=FileSecret(password),
    )


async def test_a_refused_login_is_not_tried_again_at_once_by_anybody(
    secured_kafka: SecuredKafka, counted: KafkaProxy, tmp_path: Path
) -> None:
    """Each pause is twice as long, up to a limit; another password is tried at once, and success forgets it all."""
    user, hand, file = secured_kafka.user(), HandClock(), tmp_path / "password"
    file.write_text("wrong")
    clients = Clients(config=through(counted, secured_kafka, user, file), deadlines=PATIENT, clock=hand)
    pause, tries = PAUSE_FIRST, 1
    for _ in range(6):
        for _ in range(5):  # five clients in turn
            with pytest.raises(HandshakeError, match="refuses the login"):
                await knock(clients)
        assert counted.seen[SASL_HANDSHAKE] == tries
        assert "refuses the login" in (clients.connector.refusal or "")
        hand.now += pause - 0.01
        with pytest.raises(HandshakeError):
            await knock(clients)
        assert counted.seen[SASL_HANDSHAKE] == tries
        hand.now += 0.02
        pause, tries = min(PAUSE_LONGEST, pause * 2), tries + 1
    assert pause == PAUSE_LONGEST
    with pytest.raises(HandshakeError):
        await knock(clients)
    file.write_text(f"{user.password}\n")
    await knock(clients)
    assert clients.connector.refusal is None


async def test_connections_take_up_a_new_password_and_a_new_certificate(
    secured_kafka: SecuredKafka, counted: KafkaProxy, tmp_path: Path
) -> None:
    """A client that was made and started before: what it connects with is read when it connects."""
    user, file = secured_kafka.user(), tmp_path / "password"
    file.write_text(user.password)
    client = Clients(config=through(counted, secured_kafka, user, file), deadlines=PATIENT).admin()
    try:
        await client.start()
        secured_kafka.set_password(user, "another one")
        file.write_text("another one")
        await counted.cut(Cut.REFUSE)
        await counted.heal()
        assert await client.list_topics() == []
    finally:
        await client.close()

    certificate = tmp_path / "client.pem"
    certificate.write_bytes(secured_kafka.authority.issue("old", expired=True).read_bytes())
    clients = Clients(config=mutual(secured_kafka, ssl_certfile=certificate), deadlines=PATIENT, clock=HandClock())
    with pytest.raises(HandshakeError):
        await knock(clients)
    certificate.write_bytes(secured_kafka.authority.issue("new").read_bytes())
    await knock(clients)


async def test_no_password_is_logged(secured_kafka: SecuredKafka, caplog: pytest.LogCaptureFixture) -> None:
    """By us at any level, by aiokafka at those that the service lets through."""
    caplog.set_level(logging.WARNING)
    caplog.set_level(logging.DEBUG, "streamer")
    for mechanism in MECHANISMS:
        config = secured_kafka.config(secured_kafka.user(mechanism), sasl_plain_password=LiteralSecret("hunter2"))
        await said_by(config)
    assert "refuses the login" in caplog.text
    assert "hunter2" not in caplog.text
