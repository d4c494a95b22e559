"""The whole config of a process, as an immutable value."""

from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Struct
from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from streamer.config.base import ConfigPath, Model, origin_of
from streamer.config.kafka import KafkaConfig
from streamer.config.tenants import Defaults, TenantConfig
from streamer.config.values import Text, count, duration
from streamer.config.words import quoted, text_of
from streamer.model import Millis

_SQLITE: Final = "sqlite:///"


class StoreConfig(Struct, frozen=True):
    """Where events and state are kept; `path` is the database of `sqlite` and None for `kafka`."""

    kind: Literal["kafka", "sqlite"]
    path: Path | None = None


def parse_store(value: object, info: ValidationInfo) -> StoreConfig:
    """`kafka`, or `sqlite:///streamer.db` (from the config's folder) or `sqlite:////var/lib/streamer.db` (from the root)."""
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
    port: Annotated[int, count(0, 65_535)] = 9464


class Config(Model):
    """All that `streamer.yaml` says, with the tenants of `tenants` and `tenants_dir` together and their settings resolved.

    `retention` is how long events are kept, in milliseconds. Relative paths start in the folder of the file they stand in.
    """

    store: Annotated[StoreConfig, BeforeValidator(parse_store)] = Field(examples=["kafka"])
    kafka: KafkaConfig = Field(default_factory=KafkaConfig, validate_default=True)
    server: ServerConfig = Field(default_factory=ServerConfig)
    retention: Annotated[Millis, duration("1m", "3650d")] = 7 * 86_400_000
    defaults: Defaults = Field(default_factory=Defaults)
    secrets_dir: ConfigPath = None
    tenants: tuple[TenantConfig, ...] = ()
    tenants_dir: ConfigPath = None

    @field_validator("kafka")
    @classmethod
    def _is_reachable(cls, kafka: KafkaConfig, info: ValidationInfo) -> KafkaConfig:
        store = info.data.get("store")
        if store and store.kind == "kafka" and not kafka.bootstrap_servers:
            raise ValueError("store kafka needs bootstrap_servers — add bootstrap_servers: [localhost:9092], say")
        return kafka
