"""From the config to the store that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamer.clock import Clock
    from streamer.config import Config
    from streamer.store.store import Store


def open_store(config: Config, clock: Clock) -> Store:
    """Return the store of `config`, not started yet. Only the client library of that one is loaded."""
    if config.store.path is not None:
        from streamer.store.sqlite import SqliteStore  # noqa: PLC0415

        return SqliteStore(path=config.store.path, retention=config.retention, clock=clock)
    from streamer.store.kafka import KafkaStore  # noqa: PLC0415

    return KafkaStore(config=config.kafka, retention=config.retention, clock=clock)
