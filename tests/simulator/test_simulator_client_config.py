"""The config of a client, for each source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from streamer.cli.opening import load_for_polling
from streamer.simulator import APIS, tenants_config


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


@pytest.mark.parametrize("source", APIS)
def test_every_source_has_its_own_keys(tmp_path: Path, source: str) -> None:
    """Plain data that the product takes, with everything that says who asks."""
    (entry,) = tenants_config("http://127.0.0.1:1", 1, source=source)
    assert entry == json.loads(json.dumps(entry))
    assert '{"env": "SIMULATOR_PASSWORD"}' in json.dumps(entry)
    config = tmp_path / "streamer.yaml"
    config.write_text(yaml.safe_dump({"store": "sqlite:///unused.db", "tenants": [entry]}))
    (tenant,) = load_for_polling(config, resolve=False).tenants
    assert (tenant.id, tenant.source) == ("sim-001", source)
