"""Commands as processes, and one short history that the commands which only read share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamer.simulator import tenants_config
from tests.support.broker import ROOT
from tests.support.programs import WITHIN, ServiceProgram, SimulatorProgram, wait_until


@dataclass(frozen=True)
class Ended:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


def streamer(*arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
    """Run a command to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "streamer", *arguments],
        capture_output=True,
        check=False,
        cwd=ROOT,
        encoding="utf-8",
        env=None if environment is None else dict(environment),
        timeout=WITHIN,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Place:
    """A folder with a config, the store that it names, and a simulator that goes on."""

    config: str
    folder: Path
    simulator: SimulatorProgram

    def write(self, name: str, change: Callable[[dict[str, Any]], None]) -> str:
        """Write a changed copy of the config and return its path."""
        document = yaml.safe_load(Path(self.config).read_text())
        change(document)
        path = self.folder / name
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return str(path)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A store in which the service left what it saw of two tenants in a few seconds; the service has ended."""
    folder = tmp_path_factory.mktemp("cli")
    with SimulatorProgram("--tenants", "2", "--agents", "4", "--speed", "60", folder=folder) as simulator:
        config = {
            "store": f"sqlite:///{folder}/streamer.db",
            "defaults": {"interval": "200ms", "heartbeat": "500ms"},
            "tenants": tenants_config(simulator.base_url, 2),
        }
        service = ServiceProgram(config, folder=folder)
        with service:
            service.wait_ready()
            wait_until(
                lambda: service.metric("streamer_status_changes_total") > 16, "both tenants changed", within=WITHIN
            )
            assert service.stop() == 0, service.log_tail()
        yield Place(config=str(folder / "streamer.yaml"), folder=folder, simulator=simulator)
