"""What is in the image, and what its containers do when they are asked to begin, to live and to end."""

from __future__ import annotations

import json
import re
import subprocess
import tarfile
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamer import __version__
from tests.support.broker import ROOT
from tests.support.chart import VALUES, rendered
from tests.support.image import BUILD, IMAGE, Container, mounted, podman, run_once
from tests.support.programs import wait_until

MEGABYTES = 200
"""What the image may take, on the base that is made here."""

DISTRIBUTIONS = """
from importlib.metadata import distributions
print("\\n".join(f"{each.name}=={each.version}" for each in distributions()))
"""

CONFIG = {
    "store": "sqlite:////var/lib/streamer/streamer.db",
    "tenants": [
        {
            "id": "acme",
            "source": "8x8-agent-status",
            "base_url": "http://127.0.0.1:9",
            "username": "acme",
            "password": {"file": "/etc/streamer/config/password"},
        }
    ],
}
"""Needs no network; nothing answers as its vendor."""


@pytest.fixture
def config(tmp_path: Path) -> str:
    """The option that mounts `CONFIG`, and the volume that its store needs."""
    folder = tmp_path / "config"
    folder.mkdir()
    folder.joinpath("streamer.yaml").write_text(yaml.safe_dump(CONFIG))
    folder.joinpath("password").write_text("simulator")
    return mounted(folder)


def inspected() -> dict[str, Any]:
    """Return what podman says of the image."""
    [image] = json.loads(podman("image", "inspect", IMAGE).stdout)
    return dict(image)


def test_it_is_small() -> None:
    """Its size is printed."""
    size = inspected()["Size"] / 1e6
    print(f"{IMAGE}: {size:.0f} MB")  # noqa: T201 - the figure
    assert size < MEGABYTES


def test_it_runs_what_the_chart_wants_to_run() -> None:
    """The user, the command and its config, and the port are those of the chart; the labels say what it is."""
    image = inspected()["Config"]
    [pods] = [each["spec"]["template"]["spec"] for each in rendered(VALUES["minimal"]) if each["kind"] == "StatefulSet"]
    context, [container] = pods["securityContext"], pods["containers"]
    assert image["User"] == f"{context['runAsUser']}:{context['runAsGroup']}"
    assert (image["Entrypoint"], image["Cmd"]) == (["streamer"], container["args"])
    assert list(image["ExposedPorts"]) == [f"{port['containerPort']}/tcp" for port in container["ports"]]
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in image["Labels"].items()}
    assert labels.items() >= {"version": __version__, "licenses": "Apache-2.0"}.items()
    assert re.fullmatch(r"[0-9a-f]{40}", labels["revision"])


def test_it_holds_what_the_service_needs_and_no_tools() -> None:
    """Every package is of the version that is pinned, and none is of those for tests and builds."""
    done = run_once("-c", DISTRIBUTIONS, options=["--entrypoint=/opt/streamer/bin/python"])
    held = {line.lower().replace("_", "-") for line in done.stdout.split()}
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())
    assert held - {f"agent-status-streamer=={__version__}"} < set(ROOT.joinpath("constraints.txt").read_text().split())
    needed = {re.split(r"[\[<>=]", each)[0] for each in project["project"]["dependencies"]}
    names = {each.partition("==")[0] for each in held}
    assert needed < names
    assert not names & ({*project["dependency-groups"]["test"], "pip", "setuptools"} - needed)


def test_what_is_laid_over_the_base_is_the_service_alone_and_no_secret(tmp_path: Path) -> None:
    """No certificate that the build trusted, nothing of the build stage, in files and history alike."""
    done = podman("save", "--quiet", "--format=docker-archive", f"--output={tmp_path / 'image.tar'}", IMAGE)
    assert done.returncode == 0, done.stderr
    with tarfile.open(tmp_path / "image.tar") as archive:
        [manifest] = json.load(archive.extractfile("manifest.json") or pytest.fail("no manifest"))
        layer = archive.extractfile(manifest["Layers"][-1])
        with tarfile.open(fileobj=layer) as top:
            assert {name for name in top.getnames() if not name.startswith("opt/streamer/")} <= {"opt", "opt/streamer"}
    history = podman("history", "--no-trunc", "--format={{.CreatedBy}}", IMAGE).stdout
    assert "COPY dir:" in history
    assert not re.findall(r"(?i)secret|token|passw|pip_|ssl_|https?://(?!127)", history)
    assert {each.partition("=")[0] for each in inspected()["Config"]["Env"]} <= {"PATH", "PYTHONDONTWRITEBYTECODE"}


def test_it_is_built_of_the_same_bytes_again() -> None:
    """Of one commit and one base: all layers are equal, whenever they were made."""
    layers = inspected()["RootFS"]["Layers"]
    base = inspected()["Labels"]["org.opencontainers.image.base.name"]
    done = subprocess.run([str(BUILD), base], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert inspected()["RootFS"]["Layers"] == layers


def test_it_tells_its_version() -> None:
    """With a root that is read-only, and no capability."""
    done = run_once("--version")
    assert (done.returncode, done.stdout.strip()) == (0, __version__)


def test_it_checks_a_config(config: str) -> None:
    """Good: 0. Bad: 78 and the place."""
    command = ("check-config", "--config", "/etc/streamer/config/streamer.yaml")
    good = run_once(*command, options=[config, "--tmpfs=/var/lib/streamer:mode=1777"])
    assert good.returncode == 0, good.stderr
    assert "tenants: 1\n" in good.stdout
    file = Path(config.removeprefix("--volume=").split(":")[0]) / "streamer.yaml"
    file.write_text(file.read_text() + "colour: blue\n")
    bad = run_once(*command, options=[config])
    assert bad.returncode == 78
    assert "colour" in bad.stderr


def test_its_health_check_asks_the_event_loop(config: str) -> None:
    """Healthy while it turns, unhealthy while it is frozen, and healthy again."""
    with Container("--network=none", "--tmpfs=/var/lib/streamer:mode=1777", config) as container:

        def healthy() -> bool:
            return podman("healthcheck", "run", container.name).returncode == 0

        wait_until(healthy, f"it is healthy: {container.log()}", within=60)
        container.signal("STOP")
        assert not healthy()
        container.signal("CONT")
        wait_until(healthy, "it is healthy again")
        container.signal("TERM")
        assert container.wait() == 0, container.log()


def test_it_ends_however_early_it_is_asked_to(config: str) -> None:
    """The first process of a container ignores a signal for which it has no handler: it must have one from the start."""
    for delay in (0.1, 0.2, 0.4, 0.8):
        with Container("--network=none", "--tmpfs=/var/lib/streamer:mode=1777", config) as container:
            time.sleep(delay)
            container.signal("TERM")
            begun = time.monotonic()
            assert container.wait() in {0, 143}, container.log()
            assert time.monotonic() - begun < 10
