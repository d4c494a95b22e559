"""The table of sources and the config's: two views of one list."""

from __future__ import annotations

import pytest

from streamer import config
from streamer.clock import SystemClock
from streamer.config import AgentStatus8x8, EnvSecret
from streamer.sources.http import Http
from streamer.sources.registry import SOURCES, make_source


def test_what_the_config_names_exists_and_what_exists_can_be_configured() -> None:
    """A source in one table only would fail at run time."""
    assert set(SOURCES) == set(config.SOURCES)


def test_a_source_is_made_by_the_name_in_the_config(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own name is the one that it is registered under; making it reads no secret and sends nothing."""
    monkeypatch.delenv("NOT_SET", raising=False)
    tenant = AgentStatus8x8(id="acme", platform="na12", username="acme", password=EnvSecret("NOT_SET"))
    source = make_source(tenant, http=Http(clock=SystemClock()), clock=SystemClock())
    assert source.name == tenant.source
    assert source.assumed_age_ms == 0
