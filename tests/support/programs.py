"""The product as its users run it: `python -m streamer ...` in processes of their own, started, stopped and killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.support.broker import ROOT
from tests.support.files import Way, written_over
from tests.support.ports import HOST, free_port

PASSWORD_VARIABLE = "SIMULATOR_PASSWORD"
PASSWORD = "simulator"

WITHIN = 90.0
"""Seconds for what is merely waited for, so that nothing hangs; a machine that others use too needs some."""

READY_WITHIN = WITHIN
STOP_WITHIN = 60.0


class ProgramError(Exception):
    """A program did not do what it was told; with the end of what it said."""


def wait_until(holds: Callable[[], bool], what: str, *, within: float = WITHIN, every: float = 0.02) -> None:
    """Wait until something holds; ask every so many seconds. `within` is for tests that promise it so soon.

    Raises:
        ProgramError: it did not hold within so many seconds.

    """
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            raise ProgramError(f"not within {within:.0f} s: {what}")
        time.sleep(every)


def get(url: str, *, body: Mapping[str, Any] | None = None, within: float = 5.0) -> tuple[int, str]:
    """Ask a server on loopback, with a JSON body as POST; status 0 where nobody answers."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=within) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()
    except OSError:
        return 0, ""


class Program:
    """One command of the product. What it says on stdout and stderr is collected over all its lives."""

    def __init__(self, *arguments: str, folder: Path, name: str) -> None:
        """Take the command line after `streamer` and where to keep what it says."""
        self._arguments = arguments
        self._folder = folder
        self._name = name
        self._process: subprocess.Popen[bytes] | None = None
        self.program: Sequence[str] = (sys.executable, "-m", "streamer")
        self.environment: dict[str, str] = {}
        self.starts = 0

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start the process; it need not be ready yet."""
        assert not self.running, f"{self._name} is running"
        loop = {"STREAMER_EVENT_LOOP": "asyncio"}  # what most users run on; the environment may say otherwise
        environment = {**loop, **os.environ, PASSWORD_VARIABLE: PASSWORD, **self.environment}
        with self._said("out").open("ab") as out, self._said("err").open("ab") as err:
            self._process = subprocess.Popen(
                [*self.program, *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=ROOT,
                env=environment,
            )
        self.starts += 1
        return self

    @property
    def pid(self) -> int:
        """The id of the process, of its last life where it has ended."""
        assert self._process is not None, f"{self._name} was never started"
        return self._process.pid

    def freeze(self) -> None:
        """Stop it in its tracks (SIGSTOP), as a paused virtual machine is: connections stay open, nothing answers."""
        assert self.running, f"{self._name} had ended before it was frozen:\n{self.log_tail()}"
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after `freeze`."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL). It must have been running."""
        assert self.running, f"{self._name} had ended before it was killed:\n{self.log_tail()}"
        self._signal(signal.SIGKILL)

    def stop(self) -> int:
        """End it as Kubernetes does (SIGTERM); return the exit code."""
        return self._signal(signal.SIGTERM)

    def close(self) -> None:
        """Make sure that it is gone."""
        if self.running:
            self._signal(signal.SIGKILL)

    def log(self) -> str:
        """Return all that it said on stderr."""
        return self._said("err").read_text(errors="replace")

    def output(self) -> str:
        """Return all that it said on stdout."""
        return self._said("out").read_text(errors="replace")

    def log_tail(self, lines: int = 30) -> str:
        """Return the end of what it said on stderr."""
        return "\n".join(self.log().splitlines()[-lines:])

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Make sure that it is gone."""
        self.close()

    def _said(self, stream: str) -> Path:
        return self._folder / f"{self._name}.{stream}"

    def _signal(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        try:
            return self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_WITHIN)
            raise ProgramError(f"{self._name} did not end within {STOP_WITHIN:.0f} s:\n{self.log_tail()}") from None


class SimulatorProgram(Program):
    """`streamer simulate`, which writes down what truly happens."""

    def __init__(self, *options: str, folder: Path) -> None:
        """Take further options of the command, such as `--speed 20`."""
        self.port = free_port()
        self._truth = folder / "truth.jsonl"
        self.requests = folder / "requests.jsonl"
        records = ("--truth", str(self._truth), "--requests", str(self.requests))
        arguments = ("simulate", "--port", str(self.port), *records, *options)
        super().__init__(*arguments, folder=folder, name="simulator")

    @property
    def base_url(self) -> str:
        """Where the vendor's API is served."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> Self:
        """Start it and wait until it answers."""
        super().start()
        wait_until(lambda: self._answers() or not self.running, "the simulator answers", within=READY_WITHIN)
        assert self.running, self.log_tail()
        return self

    def tenants(self) -> Sequence[str]:
        """Return the tenants' ids."""
        return [tenant["id"] for tenant in json.loads(self._ask("tenants"))["tenants"]]

    def stats(self) -> Mapping[str, Any]:
        """Return what the clients did."""
        stats: Mapping[str, Any] = json.loads(self._ask("stats"))
        return stats

    def faults(self, faults: str, *, tenant: str | None = None) -> None:
        """Replace the faults of one tenant or of all."""
        self._ask("faults", {"tenant": tenant, "faults": faults})

    def set(self, tenant: str, agent: str, status: Mapping[str, Any] | None) -> None:
        """Force one true change now; None takes the agent off the list.

        Raises:
            ProgramError: that is where the agent was, so nothing changed.

        """
        answer = json.loads(self._ask("set", {"tenant": tenant, "agent": agent, "status": status}))
        if not answer["changed"]:
            raise ProgramError(f"agent {agent} of {tenant} was in {status} already")

    def freeze(self) -> None:
        """Let nothing more happen of its own accord."""
        self._ask("freeze", {})

    def truth(self) -> list[Mapping[str, Any]]:
        """Return all that truly happened so far."""
        return [json.loads(line) for line in self._truth.read_text().splitlines()]

    def _answers(self) -> bool:
        return get(f"{self.base_url}/_simulator/tenants")[0] == 200

    def _ask(self, what: str, body: Mapping[str, Any] | None = None) -> str:
        status, answer = get(f"{self.base_url}/_simulator/{what}", body=body)
        if status != 200:
            raise ProgramError(f"the simulator answered {status} to {what}: {answer}")
        return answer


class Samples(list[tuple[str, frozenset[tuple[str, str]], float]]):
    """The samples of a scrape: name, labels, value."""

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a name whose labels include these."""
        wanted = labels.items()
        return sum(value for sample, has, value in self if sample == name and wanted <= has)


class ServiceProgram(Program):
    """`streamer run` with a config that a test writes and rewrites."""

    def __init__(self, config: Mapping[str, Any], *, folder: Path) -> None:
        """Take the config but for `server`, which is a free port of loopback."""
        self.port = free_port()
        self._config = folder / "streamer.yaml"
        self.configure(config)
        super().__init__("run", "--config", str(self._config), folder=folder, name="service")

    def configure(self, config: Mapping[str, Any], way: Way = written_over) -> None:
        """Write the config, in the way of somebody or other."""
        self.write(self.text(config), way)

    def text(self, config: Mapping[str, Any]) -> str:
        """Return the config as its file says it."""
        server = {"host": HOST, "port": self.port}
        return yaml.safe_dump({**config, "server": server}, sort_keys=False)

    def write(self, text: str, way: Way = written_over) -> None:
        """Write the config's file, whatever it holds."""
        way(self._config, text)

    def hang_up(self) -> None:
        """Have it read its config at once (SIGHUP)."""
        os.kill(self.pid, signal.SIGHUP)

    def ready(self) -> bool:
        """Whether `/readyz` says so."""
        return self.get("/readyz")[0] == 200

    def get(self, path: str) -> tuple[int, str]:
        """Ask the service's HTTP server; status 0 where nobody answers."""
        return get(f"http://{HOST}:{self.port}{path}")

    def wait_ready(self, *, within: float = READY_WITHIN) -> Self:
        """Wait until `/readyz` answers 200."""
        wait_until(lambda: self.ready() or not self.running, f"/readyz of {self._name} is 200", within=within)
        assert self.running, f"the service ended:\n{self.log_tail()}"
        return self

    def samples(self) -> Samples:
        """Return what `/metrics` says now."""
        status, text = self.get("/metrics")
        assert status == 200, f"/metrics answered {status}"
        return Samples(
            [
                (sample.name, frozenset(sample.labels.items()), sample.value)
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            ]
        )

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a name whose labels include these, as they are now."""
        return self.samples().total(name, **labels)
