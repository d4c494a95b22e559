"""A real Prometheus and a real Alertmanager for tests: on free ports of loopback, everything in a temporary folder."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlencode

import yaml

from tests.support.chart import CHART
from tests.support.ports import HOST, free_port
from tests.support.programs import get, wait_until
from tests.support.tools import installed

RULES_FILE: Final = CHART / "files" / "alerts.yaml"

READY_WITHIN = 90.0
STOP_WITHIN = 60.0

Rules = Mapping[str, Any]


def rules() -> Rules:
    """Return the alerts as they are installed."""
    read: Rules = yaml.safe_load(RULES_FILE.read_text(encoding="utf-8"))
    return read


def impatient(patient: Rules, *, wait: str = "2s") -> Rules:
    """Return rules that differ in one thing: what they would wait for minutes (`for`), they wait for `wait`."""
    hasty = copy.deepcopy(dict(patient))
    for group in hasty["groups"]:
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = wait
    return hasty


class Server:
    """A program of others that serves HTTP while this is entered."""

    def __init__(self, program: str, *, folder: Path) -> None:
        """Take the program's name, and a folder of its own, which need not be there."""
        self.port = free_port()
        self.folder = folder
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(exist_ok=True)

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{HOST}:{self.port}"

    def arguments(self) -> Sequence[str]:
        """Return how it is told where to listen and what to do."""
        raise NotImplementedError

    def ask(self, path: str, **query: str) -> Any:
        """Return what its API answers: the data of it.

        Raises:
            AssertionError: it answers with an error, which says why.

        """
        status, text = get(f"http://{self.address}/api/{path}?{urlencode(query)}", within=60)
        assert status == 200, f"{self._program} answered {status} to {path} {query}: {text}\n{self.log()}"
        answer = json.loads(text)
        return answer["data"] if isinstance(answer, dict) else answer

    def log(self) -> str:
        """Return the end of what it said."""
        return "\n".join(self._said.read_text(errors="replace").splitlines()[-20:])

    def __enter__(self) -> Self:
        """Start it and wait until it answers."""
        command = [installed(self._program), *self.arguments(), "--log.level=warn"]
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        wait_until(self._answers, f"{self._program} answers", within=READY_WITHIN)
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_WITHIN)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self._program} ended:\n{self.log()}"
        return get(f"http://{self.address}/-/ready")[0] == 200

    @property
    def _said(self) -> Path:
        return self.folder / "log"


class Prometheus(Server):
    """Scrapes every second, and looks at its rules as often."""

    def __init__(self, targets: Sequence[int], alerts: Rules, *, folder: Path, alertmanager: str | None = None) -> None:
        """Take the ports on loopback to scrape, the rules, and the address of an Alertmanager to tell."""
        super().__init__("prometheus", folder=folder)
        folder.joinpath("alerts.yaml").write_text(yaml.safe_dump(alerts))
        told = [{"static_configs": [{"targets": [alertmanager]}]}] if alertmanager else []
        addresses = [f"{HOST}:{port}" for port in targets]
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "scrape_configs": [{"job_name": "agent-status-streamer", "static_configs": [{"targets": addresses}]}],
            "rule_files": ["alerts.yaml"],
            "alerting": {"alertmanagers": told},
        }
        folder.joinpath("prometheus.yml").write_text(yaml.safe_dump(config))

    def arguments(self) -> Sequence[str]:
        """Return its command line."""
        return (
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={self.address}",
        )

    def now(self, expression: str, *, at: float) -> list[Any]:
        """Return the series of an expression at a time (s since the epoch), each with its `metric` and `value`."""
        answer: list[Any] = self.ask("v1/query", query=expression, time=str(at))["result"]
        return answer

    def over(self, expression: str, *, start: float, end: float) -> list[Any]:
        """Return the series of an expression over a time, second by second, each with its `metric` and `values`."""
        span = {"start": str(start), "end": str(end), "step": "1"}
        answer: list[Any] = self.ask("v1/query_range", query=expression, **span)["result"]
        return answer


class Alertmanager(Server):
    """Tells one webhook of what fires, at once."""

    def __init__(self, webhook: str, *, folder: Path) -> None:
        """Take the address to which it posts."""
        super().__init__("prometheus-alertmanager", folder=folder)
        config = {
            "route": {
                "receiver": "webhook",
                "group_by": ["alertname", "tenant"],
                "group_wait": "0s",
                "group_interval": "1s",
            },
            "receivers": [{"name": "webhook", "webhook_configs": [{"url": webhook, "send_resolved": True}]}],
        }
        folder.joinpath("alertmanager.yml").write_text(yaml.safe_dump(config))

    def arguments(self) -> Sequence[str]:
        """Return its command line; it is no part of a cluster."""
        return (
            f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",
        )
