"""The product's image as `make image` built it, and containers of it: run by podman as restricted as in Kubernetes."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import pytest

from streamer import __version__
from tests.support.broker import ROOT
from tests.support.programs import PASSWORD_VARIABLE, ServiceProgram

IMAGE: Final = f"localhost/agent-status-streamer:{__version__}"
BUILD: Final = ROOT / "deploy" / "image" / "build"
CONFIG: Final = "/etc/streamer/config"
"""Where the chart mounts the config, and the image's own command looks for it."""

LIMITS: Final = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")
"""Within a container, podman may not raise them to its defaults."""

RESTRICTED: Final = ("--cap-drop=all", "--security-opt=no-new-privileges", *LIMITS)
READ_ONLY: Final = ("--read-only", "--read-only-tmpfs=false")
"""As Kubernetes means it: /tmp and /run are no exceptions."""

WITHIN: Final = 300.0
"""Seconds for a call of podman; each container begins with a copy of the image's files."""

_PODMAN: Final = ("podman", "--runtime=runc", "--cgroup-manager=cgroupfs")
_STORAGE: Final = {"CONTAINERS_STORAGE_CONF": str(ROOT / ".image" / "storage.conf")}


def require_image() -> None:
    """Fail a test run that has no image, or may not run it."""
    if os.geteuid() != 0 or shutil.which("podman") is None:
        pytest.fail("these tests want root, and podman on the PATH: see docs/image.md")
    if podman("image", "exists", IMAGE).returncode:
        pytest.fail(f"there is no image {IMAGE}: run `make image`")


def podman(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Call podman on the storage into which `make image` builds."""
    command = [*_PODMAN, *arguments]
    environment = {**os.environ, **_STORAGE}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=WITHIN, check=False)


def run_once(*arguments: str, options: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run one command of the image in a container of its own, without a network."""
    fixed = ("--rm", "--no-healthcheck", "--network=none", *RESTRICTED, *READ_ONLY)
    return podman("run", *fixed, *options, IMAGE, *arguments)


def mounted(folder: Path) -> str:
    """Return the option that mounts a folder as the config's, made readable for everybody."""
    folder.chmod(0o755)
    return f"--volume={folder}:{CONFIG}:ro"


class Container:
    """A container of the image that runs in the background: `with Container(...) as container`."""

    def __init__(self, *options: str) -> None:
        """Take podman's options beside the restrictions."""
        self._options = options
        self.name = f"streamer-{secrets.token_hex(6)}"

    def __enter__(self) -> Self:
        """Start it."""
        fixed = ("--detach", f"--name={self.name}", *RESTRICTED, *READ_ONLY)
        done = podman("run", *fixed, *self._options, IMAGE)
        assert done.returncode == 0, done.stderr
        return self

    def __exit__(self, *_: object) -> None:
        """Make sure that it is gone."""
        podman("rm", "--force", "--time=0", self.name)

    def signal(self, name: str) -> None:
        """Send its first process a signal."""
        done = podman("kill", f"--signal={name}", self.name)
        assert done.returncode == 0, done.stderr

    def wait(self) -> int:
        """Wait until it has ended; return the exit code."""
        return int(podman("wait", self.name).stdout)

    def log(self) -> str:
        """Return all that it said."""
        done = podman("logs", self.name)
        return done.stdout + done.stderr


class ServiceContainer(ServiceProgram):
    """The image's own command as a program of a trial; podman hands on its signals, its exit code and what it says."""

    def __init__(self, config: Mapping[str, Any], *, folder: Path) -> None:
        """Take the config but for `server`, and a folder for files."""
        own = folder / "config"
        own.mkdir()
        super().__init__(config, folder=own)
        self._arguments = ()
        self._own, self._folder = own, folder
        self.container = ""
        self.environment = dict(_STORAGE)
        self.root: Sequence[str] = READ_ONLY

    def start(self) -> Self:
        """Start a new container; a config that is there need not be read yet."""
        self.container = f"streamer-{secrets.token_hex(6)}"
        named = (
            f"--name={self.container}",
            "--no-healthcheck",
            "--network=host",
            "--passwd=false",
            f"--env={PASSWORD_VARIABLE}",
        )
        self.program = (*_PODMAN, "run", *named, *RESTRICTED, *self.root, mounted(self._own), IMAGE)
        super().start()
        return self

    def close(self) -> None:
        """Make sure that it is gone."""
        if self.container:
            podman("rm", "--force", "--time=0", self.container)
        super().close()
