"""The config: what the files may say, read into immutable values.

`load` is the only way from a file to a `Config`. Code may build the same models directly.
"""

from streamer.config.files import Files
from streamer.config.kafka import KafkaConfig
from streamer.config.loading import load
from streamer.config.model import Config, ServerConfig, StoreConfig
from streamer.config.oauth import OAuth
from streamer.config.problems import ConfigError, Problem
from streamer.config.schema_registry import SchemaRegistryConfig
from streamer.config.secrets import EnvSecret, FileSecret, LiteralSecret, Secret, SecretError
from streamer.config.status_map import StatusTarget, plain_words
from streamer.config.tenants import Account, Defaults, TenantConfig
from streamer.config.values import Rate, format_duration, parse_duration
from streamer.config.vendors import SOURCES
from streamer.config.vendors.eight_by_eight import AgentStatus8x8, RealTimeStats8x8
from streamer.config.vendors.google_ccaip import GoogleCcaip
from streamer.config.vendors.vonage import Vonage

__all__ = [
    "SOURCES",
    "Account",
    "AgentStatus8x8",
    "Config",
    "ConfigError",
    "Defaults",
    "EnvSecret",
    "FileSecret",
    "Files",
    "GoogleCcaip",
    "KafkaConfig",
    "LiteralSecret",
    "OAuth",
    "Problem",
    "Rate",
    "RealTimeStats8x8",
    "SchemaRegistryConfig",
    "Secret",
    "SecretError",
    "ServerConfig",
    "StatusTarget",
    "StoreConfig",
    "TenantConfig",
    "Vonage",
    "format_duration",
    "load",
    "parse_duration",
    "plain_words",
]
