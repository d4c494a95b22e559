"""The whole config of a process, as an immutable value."""

from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Struct
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from streamer.config.base import ConfigPath, Model, origin_of
from streamer.config.kafka import KafkaConfig
from streamer.config.tenants import Defaults, TenantConfig
from streamer.config.values import Flag, Text, count, duration
from streamer.config.words import quoted, text_of
from streamer.model import Millis

_SQLITE: Final = "sqlite:///"


class StoreConfig(Struct, frozen=True):
    """Where events and state are kept; `path` is the database of `sqlite` and None for `kafka`."""

    kind: Literal["kafka", "sqlite"]
    path: Path | None = None


def parse_store(value: object, info: ValidationInfo) -> StoreConfig:
    """`kafka`, or `sqlite:///FILE` from the config's folder, or `sqlite:////FOLDER/FILE` from the root."""
    if isinstance(value, StoreConfig):
        return value
    text = text_of(value, "kafka or sqlite:///FILE")
    name = text.removeprefix(_SQLITE)
    if text == "kafka":
        return StoreConfig("kafka")
    if name == text or not name.isprintable() or name.endswith("/") or name in ("", ":memory:") or "?" in name:
        raise ValueError(f"{quoted(text)} is not a store — write kafka, sqlite:///FILE or sqlite:////FOLDER/FILE")
    origin = origin_of(info)
    return StoreConfig("sqlite", origin.folder / name if origin else Path(name))


class ServerConfig(Model):
    """Where metrics, health and the status page are served; port 0 takes a free one."""

    host: Text = "0.0.0.0"  # noqa: S104  probes and Prometheus come from outside the container
    """The address that is listened on.

    `127.0.0.1` where only this machine shall ask.
    """
    port: Annotated[int, count(0, 65_535)] = 9464
    """The port; 0 takes a free one and the log says which."""
    show_agents: Flag = False
    """Whether the status page, and its data, show whose status changed: ids, and names unless `agent_names: false`.

    Where all who can reach the port may know. The page has no login.
    """


class Config(Model):
    """All that `streamer.yaml` says, with the tenants of `tenants` and `tenants_dir` together and their settings resolved.

    Relative paths start in the folder of the file they stand in.
    """

    store: Annotated[StoreConfig, BeforeValidator(parse_store)] = Field(examples=["kafka"])
    """Where events and state are kept.

    SQLite for evaluation and single machines, on a local disk. Nothing moves from one store to the other.
    """
    kafka: KafkaConfig = Field(default_factory=KafkaConfig, validate_default=True)
    """How Kafka is reached and what the topics are called."""
    server: ServerConfig = Field(default_factory=ServerConfig)
    """Where metrics, probes and the status page are served."""
    retention: Annotated[Millis, duration("1m", "3650d")] = 7 * 86_400_000
    """How long events are kept; also how long an erased person's events live on. State is kept as long as its agent.

    On Kafka a change must be made to the topic too; the service says how.
    """
    defaults: Defaults = Field(default_factory=Defaults)
    """What holds for each tenant that does not say otherwise."""
    secrets_dir: ConfigPath = None
    """Secrets are read from files in this folder only, and their paths start there.

    Where the folder is a mounted Kubernetes secret.
    """
    tenants: tuple[TenantConfig, ...] = ()
    """The tenants; one of `tenants` and `tenants_dir` must be there, both may be."""
    tenants_dir: ConfigPath = None
    """A folder with one tenant a file, `*.yaml` or `*.yml`."""

    @field_validator("kafka")
    @classmethod
    def _is_reachable(cls, kafka: KafkaConfig, info: ValidationInfo) -> KafkaConfig:
        store = info.data.get("store")
        if store and store.kind == "kafka" and not kafka.bootstrap_servers:
            raise ValueError("store kafka needs bootstrap_servers — add bootstrap_servers: [localhost:9092], say")
        return kafka
