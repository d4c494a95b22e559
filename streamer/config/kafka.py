"""How Kafka is reached and what the topics are called."""

import re
import ssl
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from streamer.config.base import ExistingFile, Model, origin_of
from streamer.config.schema_registry import SchemaRegistryConfig
from streamer.config.secrets import OptionalSecret
from streamer.config.tls import check_key, client_context
from streamer.config.values import Flag, Text, count, optional, parse_text
from streamer.config.words import kind_of, quoted, text_of

MAX_PREFIX: Final = 200  # a topic's name has at most 249 characters

_PREFIX = re.compile(rf"[A-Za-z0-9._-]{{0,{MAX_PREFIX}}}")
_SHARDS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")


def _parse_servers(value: object) -> tuple[str, ...]:
    """A list of HOST:PORT, or one text with commas."""
    if isinstance(value, list | tuple):
        servers = tuple(text_of(item, "a server such as localhost:9092") for item in value)
    else:
        servers = tuple(part.strip() for part in text_of(value, "a list of servers").split(","))
    if not servers:
        raise ValueError("is an empty list — name at least one HOST:PORT")
    for server in servers:
        match = _SERVER.fullmatch(server)
        if match is None or not 0 < int(match[2]) < 2**16:
            raise ValueError(f"{quoted(server)} is not HOST:PORT — write localhost:9092, say")
    return servers


def _parse_prefix(value: object) -> str:
    """The start of each topic's name; empty for none."""
    text = value if value == "" else text_of(value, "text")
    if _PREFIX.fullmatch(text) is None:
        raise ValueError(f"{text!r} cannot begin a topic's name — it must match {_PREFIX.pattern}")
    return text


def _parse_shards(value: object, info: ValidationInfo) -> frozenset[int] | None:
    """`all`, or a list of numbers and ranges such as `[0-15, 31]`."""
    partitions = info.data.get("partitions", 0)  # 0: it is itself wrong, which is told
    if value is None or not partitions:
        return None
    if value == "all":
        return frozenset(range(partitions))
    if not isinstance(value, list | tuple | frozenset):
        raise ValueError(f"must be all or a list of shards, not {kind_of(value)} — write [0-15, 31], say")  # noqa: TRY004  as all of pydantic's
    shards: set[int] = set()
    for place, item in enumerate(value, start=1):
        match = _SHARDS.fullmatch(str(item)) if isinstance(item, int | str) else None
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < partitions:
            raise ValueError(f"item {place} is no shard and no range of shards — they go from 0 to {partitions - 1}")
        shards.update(range(first, last + 1))
    if not shards:
        raise ValueError("is an empty list — name the shards of this replica, or leave the key out")
    return frozenset(shards)


class KafkaConfig(Model):
    """The settings of aiokafka under its own names, and those of the topics."""

    bootstrap_servers: Annotated[tuple[str, ...], BeforeValidator(_parse_servers)] = ()
    """Where the cluster is found. Required with `store: kafka`."""
    topic_prefix: Annotated[str, BeforeValidator(_parse_prefix)] = ""
    """Begins the names of the topics and of the transactional ids.

    Where several installations share a cluster. Another prefix begins anew, with baselines.
    """
    group_id: Text = Field(default_factory=lambda data: f"{data['topic_prefix']}streamer")
    """The consumer group by which replicas share the shards. Unset: TOPIC_PREFIX and `streamer`."""
    partitions: Annotated[int, count(1, 10_000)] = 32
    """Partitions of each topic, and how many shards there are.

    Never once the topics exist: tenants would lie elsewhere.
    """
    static_shards: Annotated[frozenset[int] | None, BeforeValidator(_parse_shards)] = None
    """The shards that this replica serves, without a group. Unset: the group deals them out.

    Where one replica is all there is, `all` saves it the group. Of several each must name its own, and nobody takes
    over from one that is gone.
    """
    replication_factor: Annotated[int, count(1, 100)] = 1
    """Copies of each partition.

    3 in production.
    """
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """Whether connections are encrypted, and whether a user name and a password are sent."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    """How the password is proven.

    With `PLAIN` it is sent as it is: use SASL_SSL.
    """
    sasl_plain_username: Annotated[str | None, optional(parse_text)] = None
    """The user, with any mechanism. Required with SASL."""
    sasl_plain_password: OptionalSecret = None
    """The user's password. Required with SASL.

    Each new connection takes it as the file is then.
    """
    ssl_cafile: ExistingFile = None
    """The issuers that are trusted, PEM. Unset: those that this machine trusts."""
    ssl_certfile: ExistingFile = None
    """This client's certificate, PEM, where brokers ask for one; issuers in between may follow it."""
    ssl_keyfile: ExistingFile = None
    """Its key, PEM, where it is not in the same file."""
    ssl_password: OptionalSecret = None
    """The password of the key."""
    ssl_check_hostname: Flag = True
    """Whether a broker's certificate must be for its host."""
    schema_registry: SchemaRegistryConfig | None = None
    """A schema registry: it is given the schemas of the values, and records name them by its ids, in a header.

    Where consumers look schemas up there. See [schema registry](../schema-registry.md).
    """

    @property
    def uses_sasl(self) -> bool:
        """Whether a user name and a password are sent."""
        return self.security_protocol.startswith("SASL_")

    @property
    def uses_ssl(self) -> bool:
        """Whether connections are encrypted."""
        return self.security_protocol.endswith("SSL")

    @model_validator(mode="after")
    def _is_complete(self, info: ValidationInfo) -> "KafkaConfig":
        if self.uses_sasl and not (self.sasl_plain_username and self.sasl_plain_password):
            raise ValueError(f"{self.security_protocol} needs sasl_plain_username and sasl_plain_password — add them")
        check_key(self.ssl_certfile, self.ssl_keyfile, self.ssl_password)
        origin = origin_of(info)
        if origin and origin.resolve:
            self.tls()
        return self

    def tls(self) -> ssl.SSLContext | None:
        """What TLS shall be like, from the files as they are now; None without it.

        Raises ValueError, SecretError among them, when a file cannot be used.
        """
        if not self.uses_ssl:
            return None
        context = client_context(self.ssl_cafile, self.ssl_certfile, self.ssl_keyfile, self.ssl_password)
        context.check_hostname = self.ssl_check_hostname
        return context

    @field_validator("sasl_mechanism", "sasl_plain_username", "sasl_plain_password")
    @classmethod
    def _has_effect_with_sasl(cls, value: object, info: ValidationInfo) -> object:
        return _needs(value, info, "SASL_PLAINTEXT", "SASL_SSL")

    @field_validator("ssl_cafile", "ssl_certfile", "ssl_keyfile", "ssl_password", "ssl_check_hostname")
    @classmethod
    def _has_effect_with_ssl(cls, value: object, info: ValidationInfo) -> object:
        return _needs(value, info, "SSL", "SASL_SSL")


def _needs(value: object, info: ValidationInfo, *protocols: str) -> object:
    """Refuses a setting that the security protocol would silently ignore."""
    protocol = info.data.get("security_protocol")
    if protocol and protocol not in protocols and value is not None:
        raise ValueError(f"has no effect with security_protocol {protocol} — use {' or '.join(protocols)}")
    return value
