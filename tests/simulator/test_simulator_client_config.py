"""The config of a client, for each source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from streamer.cli.opening import load_for_polling
from streamer.clock import SystemClock
from streamer.config import TenantConfig
from streamer.simulator import APIS, SHARED_PASSWORD, SimulatorServer, SimulatorSettings, tenants_config
from streamer.sources.http import Http
from streamer.sources.registry import make_source


def test_the_tenants_config_names_the_secret_and_does_not_hold_it() -> None:
    """The entries are plain data for a config file; the password stays in the environment."""
    config = tenants_config("http://127.0.0.1:1", 2, password_env="PW")
    assert json.loads(json.dumps(config)) == [
        {
            "id": tenant,
            "source": "8x8-agent-status",
            "base_url": "http://127.0.0.1:1",
            "username": tenant,
            "password": {"env": "PW"},
        }
        for tenant in ("sim-001", "sim-002")
    ]


def loaded(folder: Path, entry: object) -> TenantConfig:
    """What the product makes of an entry."""
    config = folder / "streamer.yaml"
    config.write_text(yaml.safe_dump({"store": "sqlite:///unused.db", "tenants": [entry]}))
    (tenant,) = load_for_polling(config, resolve=False).tenants
    return tenant


@pytest.mark.parametrize("source", APIS)
def test_every_source_has_its_own_keys(tmp_path: Path, source: str) -> None:
    """Plain data that the product takes, with everything that says who asks."""
    (entry,) = tenants_config("http://127.0.0.1:1", 1, source=source)
    assert entry == json.loads(json.dumps(entry))
    assert '{"env": "SIMULATOR_PASSWORD"}' in json.dumps(entry)
    tenant = loaded(tmp_path, entry)
    assert (tenant.id, tenant.source) == ("sim-001", source)


@pytest.mark.parametrize("source", APIS)
async def test_every_source_can_be_polled_under_a_clients_name(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that a client asks for is there under `/_client/NAME`, tokens too, and recorded under that name."""
    monkeypatch.setenv("SIMULATOR_PASSWORD", SHARED_PASSWORD)
    requests = tmp_path / "requests.jsonl"
    async with SimulatorServer(SimulatorSettings(tenants=1, agents=3, requests=requests)) as simulator:
        (entry,) = tenants_config(f"{simulator.base_url}/_client/one", 1, source=source)
        clock = SystemClock()
        async with Http(clock=clock) as http:
            snapshot = await make_source(loaded(tmp_path, entry), http=http, clock=clock).snapshot()
    assert len(snapshot.agents) == 3
    assert {json.loads(line)["client"] for line in requests.read_text().splitlines()} == {"one"}
