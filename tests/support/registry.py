"""A real schema registry for tests: Apicurio, which speaks Confluent's API. It keeps what it is given in memory alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.support.broker import ROOT
from tests.support.endings import Tied
from tests.support.ports import HOST, free_port

if TYPE_CHECKING:
    from types import TracebackType

HOME = ROOT / ".registry"

START_WITHIN = 90.0
"""Seconds until a started registry must answer; it takes four on an idle machine."""

_JAVA = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class RegistryError(Exception):
    """The registry cannot be had, or did not do what it was told; says what to do, with the end of its log."""


class Registry:
    """An Apicurio on a free loopback port, which stays the same from `start` to `start`; each begins with nothing."""

    def __init__(self) -> None:
        self._port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="streamer-registry-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._tied: Tied | None = None

    @property
    def url(self) -> str:
        """Where its Confluent API is."""
        return f"http://{HOST}:{self._port}/apis/ccompat/v7"

    def start(self) -> Self:
        """Start it and wait until it answers.

        Raises:
            RegistryError: there is no Java, or no Apicurio; it did not answer within `START_WITHIN`.

        """
        command = [*_java(), "-Djava.io.tmpdir=" + str(self._folder), "-jar", str(_jar())]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env={**os.environ, "QUARKUS_HTTP_HOST": HOST, "QUARKUS_HTTP_PORT": str(self._port)},
                start_new_session=True,
            )
        self._tied = Tied(self._process, folder=self._folder)
        deadline = time.monotonic() + START_WITHIN
        while time.monotonic() < deadline and self._process.poll() is None:
            if self.ask("GET", "/subjects")[0] == 200:
                return self
            time.sleep(0.1)
        tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])
        self.kill()
        raise RegistryError(f"the registry did not answer within {START_WITHIN:.0f} s; the end of its log:\n{tail}")

    def kill(self) -> None:
        """End it as a power cut would: with all that it was given."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None
        if self._tied is not None:
            self._tied.untie()
            self._tied = None

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Ask its Confluent API; return the status and the answer, 0 and None where nobody answers."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()
        except OSError:
            return 0, None

    def __enter__(self) -> Self:
        """Start."""
        try:
            return self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill, and delete what it left."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self._folder / "registry.log"


def _java() -> list[str]:
    java = shutil.which("java")
    if java is None:
        raise RegistryError("no java on the PATH: install a Java 17 runtime (on Debian: default-jre-headless)")
    return [java, *_JAVA]


def _jar() -> Path:
    jars = sorted(HOME.glob("apicurio-registry-app-*-runner.jar"))
    if not jars:
        raise RegistryError(f"no schema registry in {HOME.relative_to(ROOT)}: run `make registry`")
    return jars[0]
