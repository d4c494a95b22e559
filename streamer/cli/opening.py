"""Opening what the config names."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from streamer.clock import SystemClock
from streamer.config import Config, Files, load
from streamer.sources.registry import check_status_map
from streamer.store import open_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from streamer.store.store import Store


def load_for_polling(path: Path, *, resolve: bool = True) -> Config:
    """Load a config whole, and check what only the sources understand of it.

    Raises:
        ConfigError: it can't be used.

    """
    return load(path, resolve=resolve, check_status_map=check_status_map)


def load_for_running(path: Path, files: Files | None = None) -> Config:
    """Load a config for good: a tenant whose secret can't be read keeps no other from being polled, it fails by itself.

    Raises:
        ConfigError: it can't be used.

    """
    return load(path, resolve_tenants=False, files=files, check_status_map=check_status_map)


def load_for_reading(path: Path) -> Config:
    """Load a config of which only the store is used: the tenants' secrets need not be at hand.

    Raises:
        ConfigError: it can't be used.

    """
    return load(path, resolve=False)


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Store]:
    """Make the config's store for reading. Nothing is created and nothing is owned."""
    store = open_store(config, clock=SystemClock())
    try:
        yield store
    finally:
        await store.stop()
