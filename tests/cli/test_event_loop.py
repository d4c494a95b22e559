from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import streamer
from tests.support.polled import AGENT_STATUS, polled, tenants_of
from tests.support.programs import PASSWORD_VARIABLE, ServiceProgram, SimulatorProgram, wait_until
from tests.support.trial import sqlite_place


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_the_service_runs_on_either_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: str) -> None:
    """It polls, commits, serves its metrics and ends well, and says which one it runs on."""
    monkeypatch.setenv("STREAMER_EVENT_LOOP", loop)
    with SimulatorProgram("--tenants", "2", "--agents", "5", folder=tmp_path) as simulator:
        tenants = tenants_of(polled(2, (AGENT_STATUS,)), simulator.base_url, password_env=PASSWORD_VARIABLE)
        config = {**sqlite_place(tmp_path).config, "defaults": {"interval": "500ms"}, "tenants": tenants}
        with ServiceProgram(config, folder=tmp_path) as service:
            service.wait_ready()
            wait_until(lambda: service.metric("streamer_polls_total", outcome="ok") >= 6, "six good polls")
            assert service.metric("streamer_commits_total", outcome="committed") >= 1
            assert service.stop() == 0, service.log_tail()
    assert f'"loop":"{loop}"' in service.log()


def test_uvloop_is_taken_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a wish in the environment."""
    from streamer.cli.event_loop import event_loop  # noqa: PLC0415

    monkeypatch.delenv("STREAMER_EVENT_LOOP", raising=False)
    assert event_loop()[0] == "uvloop"
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert event_loop()[0] == "asyncio"


@pytest.mark.parametrize("wanted", ["trio", "uv"])
def test_an_unknown_event_loop_is_a_mistake_in_the_command(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    """It is named, and what may be set instead."""
    monkeypatch.setenv("STREAMER_EVENT_LOOP", wanted)
    ended = streamer("run", "--config", "streamer.yaml")
    assert ended.code == 2
    assert f"STREAMER_EVENT_LOOP is '{wanted}'" in " ".join(ended.err.split())
