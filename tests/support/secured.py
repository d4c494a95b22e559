"""A real Kafka that asks who is there: listeners with TLS and logins, certificates of an authority of its own, and ACLs.

    with SecuredKafka() as kafka:
        user = kafka.user("SCRAM-SHA-512")          # may do nothing yet
        kafka.allow(user, [...])                    # `streamer.store.kafka.permissions`
        config = kafka.config(user)

It is a `Broker` like any other, with more listeners. The one that `kafka.bootstrap` names is for the tests themselves:
who comes there may do everything.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, Self

import trustme
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from streamer.config import KafkaConfig, LiteralSecret
from tests.support.broker import NEWEST, Broker, seats
from tests.support.ports import HOST, free_ports
from tests.support.programs import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from streamer.store.kafka.permissions import Permission

PLAIN_PASSWORD: Final = "plain-secret"
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
LISTENERS: Final = ("LOGIN", "LOGINPLAIN", "MUTUAL", "EXPIRED", "ELSEWHERE")
"""Beside the tests' own: SASL_SSL, SASL_PLAINTEXT, SSL with certificates of clients, and SSL with a certificate that has
expired, or is for another host."""

_ADMIN: Final = "administrator"
"""Who may do everything, once there is a password."""

_WITHIN: Final = 60.0


@dataclass(frozen=True)
class User:
    """Who logs in: a name and a password, or a certificate."""

    name: str
    mechanism: str
    password: str = ""

    @property
    def principal(self) -> str:
        """As ACLs name it."""
        return f"User:{self.name}"


class Authority:
    """Issues certificates, as files in a folder."""

    def __init__(self, folder: Path) -> None:
        """Begin with its own certificate, `ca.pem`."""
        self._folder = folder
        self._ca = trustme.CA()
        self._ca.cert_pem.write_to_path(self.file("ca.pem"))

    def file(self, name: str) -> Path:
        """Return the place of a file."""
        return self._folder / name

    def issue(self, name: str, *hosts: str, expired: bool = False, password: str | None = None) -> Path:
        """Write a certificate and its key into `NAME.pem`, the certificate alone into `NAME.crt`, the key into `NAME.key`.

        The key is in the one form that Kafka understands (PKCS 8).
        """
        now = datetime.now(UTC)
        days = (-2, -1) if expired else (-1, 30)
        made = self._ca.issue_cert(
            *(hosts or ("client.test",)),
            common_name=name,
            not_before=now + timedelta(days=days[0]),
            not_after=now + timedelta(days=days[1]),
        )
        key = load_pem_private_key(made.private_key_pem.bytes(), None)
        locked = NoEncryption() if password is None else BestAvailableEncryption(password.encode())
        key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
        chain = b"".join(each.bytes() for each in made.cert_chain_pems)
        for suffix, content in (("pem", key_pem + chain), ("crt", chain), ("key", key_pem)):
            self.file(f"{name}.{suffix}").write_bytes(content)
        return self.file(f"{name}.pem")


class SecuredKafka:
    """A broker with the listeners of `LISTENERS`. Entered, it runs."""

    def __init__(self, *, version: str = NEWEST) -> None:
        """Take one of `VERSIONS`."""
        self._folder = TemporaryDirectory(prefix="streamer-security-")
        self.authority = Authority(Path(self._folder.name))
        (seat,) = seats(1)
        self.ports = dict(zip(LISTENERS, free_ports(len(LISTENERS)), strict=True))
        own = {"PLAINTEXT": seat.port, **self.ports}
        controller = f"CONTROLLER://{HOST}:{seat.controller_port}"
        advertised = [f"{name}://{HOST}:{port}" for name, port in own.items()]
        properties = self._properties() | {
            "listeners": ",".join([*advertised, controller]),
            "advertised.listeners": ",".join(advertised),
        }
        self.broker = Broker(properties=properties, version=version, seat=seat)

    @property
    def bootstrap(self) -> str:
        """Where the tests themselves may do everything."""
        return self.broker.bootstrap

    def user(self, mechanism: str = "SCRAM-SHA-512", *, password: str | None = None) -> User:
        """Return somebody who can log in and may do nothing yet."""
        if mechanism == "PLAIN":
            return User("plain-user", mechanism, PLAIN_PASSWORD)
        made = User(f"user-{secrets.token_hex(4)}", mechanism, password or secrets.token_urlsafe(12))
        self.set_password(made, made.password)
        return made

    def set_password(self, user: User, password: str) -> None:
        """Give a user another password; who is connected stays so."""
        mechanism = {"SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256, "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512}
        info = ScramCredentialInfo(mechanism[user.mechanism], 4096)
        change = UserScramCredentialUpsertion(user.name, info, password.encode())
        self._admin.alter_user_scram_credentials([change])[user.name].result(_WITHIN)

    def keys(self, user: User, **keys: Any) -> dict[str, Any]:
        """Return the keys of `kafka` in a config file by which a user comes in, but for the password."""
        return {
            "bootstrap_servers": [self.address("LOGIN")],
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": user.mechanism,
            "sasl_plain_username": user.name,
            "ssl_cafile": str(self.authority.file("ca.pem")),
            **keys,
        }

    def config(self, user: User, **keys: Any) -> KafkaConfig:
        """Return the same as code has it, with the password; a key that is None is left out."""
        password = LiteralSecret(user.password)
        values = {**self.keys(user), "sasl_plain_password": password, **keys}
        values["bootstrap_servers"] = tuple(values["bootstrap_servers"])
        values["ssl_cafile"] = None if values["ssl_cafile"] is None else Path(values["ssl_cafile"])
        return KafkaConfig(**{key: value for key, value in values.items() if value is not None})

    def admin_properties(self) -> str:
        """Return the settings by which Kafka's own tools come in at `LOGIN` as somebody who may do everything."""
        admin = User(_ADMIN, "SCRAM-SHA-512", secrets.token_hex(12))
        self.set_password(admin, admin.password)
        login = f'ScramLoginModule required username="{admin.name}" password="{admin.password}"'
        properties = {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": admin.mechanism,
            "sasl.jaas.config": f"org.apache.kafka.common.security.scram.{login};",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self.authority.file("ca.pem"),
        }
        return "".join(f"{key}={value}\n" for key, value in properties.items())

    def address(self, listener: str) -> str:
        """Return `host:port` of a listener."""
        return f"{HOST}:{self.ports[listener]}"

    def allow(self, user: User, permissions: Iterable[Permission]) -> None:
        """Let a user do these things beside what they may do already."""
        wanted = [binding(user, each) for each in permissions]
        for done in self._admin.create_acls(wanted).values():
            done.result(_WITHIN)
        wait_until(lambda: self.permissions(user).issuperset(wanted), "the broker knows the permissions")

    def deny(self, user: User, permission: Permission) -> None:
        """Take a permission away again."""
        acl = binding(user, permission)
        same = AclBindingFilter(
            acl.restype,
            acl.name,
            acl.resource_pattern_type,
            acl.principal,
            acl.host,
            acl.operation,
            acl.permission_type,
        )
        for done in self._admin.delete_acls([same]).values():
            assert done.result(_WITHIN), f"there was no such permission: {permission}"
        wait_until(lambda: acl not in self.permissions(user), "the broker knows that it is taken away")

    def permissions(self, user: User) -> set[AclBinding]:
        """Return what a user may do, as the broker knows it."""
        every = AclBindingFilter(
            ResourceType.ANY,
            None,  # type: ignore[arg-type]  # any name
            ResourcePatternType.ANY,
            user.principal,
            None,  # type: ignore[arg-type]  # from any host
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        return set(self._admin.describe_acls(every).result(_WITHIN))

    def __enter__(self) -> Self:
        """Start."""
        try:
            self.broker.__enter__()
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the broker, and delete all files."""
        self.broker.close()
        self._folder.cleanup()

    @cached_property
    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def _properties(self) -> dict[str, str]:
        kinds = dict(zip(LISTENERS, ("SASL_SSL", "SASL_PLAINTEXT", "SSL", "SSL", "SSL"), strict=True))
        own = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT", **kinds}
        right = self.authority.issue("broker", HOST, "localhost")
        stores = dict.fromkeys(("LOGIN", "MUTUAL"), right)
        stores["EXPIRED"] = self.authority.issue("expired", HOST, expired=True)
        stores["ELSEWHERE"] = self.authority.issue("elsewhere", "kafka.example")
        properties = {
            "listener.security.protocol.map": ",".join(f"{name}:{kind}" for name, kind in own.items()),
            "inter.broker.listener.name": "PLAINTEXT",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            # who comes without a login: the tests, and the broker itself
            "super.users": f"User:ANONYMOUS;User:{_ADMIN}",
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.mutual.ssl.truststore.type": "PEM",
            "listener.name.mutual.ssl.truststore.location": str(self.authority.file("ca.pem")),
        }
        for listener, store in stores.items():
            properties[f"listener.name.{listener.lower()}.ssl.keystore.type"] = "PEM"
            properties[f"listener.name.{listener.lower()}.ssl.keystore.location"] = str(store)
        for listener in ("login", "loginplain"):
            properties[f"listener.name.{listener}.sasl.enabled.mechanisms"] = ",".join(MECHANISMS)
            for mechanism in MECHANISMS:
                plain = mechanism == "PLAIN"
                module = "plain.PlainLoginModule" if plain else "scram.ScramLoginModule"
                users = f' user_plain-user="{PLAIN_PASSWORD}"' if plain else ""
                properties[f"listener.name.{listener}.{mechanism.lower()}.sasl.jaas.config"] = (
                    f"org.apache.kafka.common.security.{module} required{users};"
                )
        return properties


def binding(user: User, permission: Permission) -> AclBinding:
    """Return a permission of ours as Kafka's."""
    resource = {
        "topic": ResourceType.TOPIC,
        "group": ResourceType.GROUP,
        "transactional-id": ResourceType.TRANSACTIONAL_ID,
    }
    operation = {
        "Read": AclOperation.READ,
        "Write": AclOperation.WRITE,
        "Create": AclOperation.CREATE,
        "Describe": AclOperation.DESCRIBE,
        "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
    }
    pattern = ResourcePatternType.PREFIXED if permission.prefixed else ResourcePatternType.LITERAL
    return AclBinding(
        resource[permission.resource],
        permission.name,
        pattern,
        user.principal,
        "*",
        operation[permission.operation],
        AclPermissionType.ALLOW,
    )
