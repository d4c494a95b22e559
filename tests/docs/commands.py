"""What the pages have people type: which lines are run by the tests, and what is looked at in the others."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from typing import Any

import typer

from streamer.cli.app import app
from tests.docs.pages import Block
from tests.support.broker import ROOT

NOT_RUN: Mapping[str, str] = {
    "bash .ci/run": "it is what runs this test",
    "bash .ci/slow": "needs Go, root and containers, and takes from minutes to half an hour",
    "make asyncapi": "may install first; tests/docs/test_asyncapi.py runs the same",
    "make build": "CI builds the wheel in tests/test_packaging.py",
    "make campaign": "takes from minutes to an hour",
    "make check": "CI runs it before the tests",
    "make generate": "writes into the checkout; tests/docs/test_generated.py asks for the same with --check",
    "make image": "needs root and containers; tests/image is for that",
    "make test-image": "needs root and containers",
    "make test": "it is what runs this test",
    "buildah": "needs root and containers",
    "docker": "needs Docker",
    "git": "needs the repository's host",
    "helm": "needs a Kubernetes cluster",
    "kubectl": "needs a Kubernetes cluster",
    "pip install": "would change what the tests run with; what it names is looked up there",
    "podman": "needs containers",
}
"""Beginnings of lines that are parsed and not run, and why. All others are run."""

HELM: Mapping[str, set[str]] = {
    "install": {"--create-namespace", "--namespace", "--set", "--set-file", "--timeout", "--values", "--wait"},
    "test": {"--logs", "--namespace", "--timeout"},
    "upgrade": {
        "--atomic",
        "--install",
        "--namespace",
        "--reset-then-reuse-values",
        "--set",
        "--timeout",
        "--values",
        "--wait",
    },
    "rollback": {"--namespace", "--timeout", "--wait"},
    "uninstall": {"--namespace", "--wait"},
}
"""Helm 3's commands, each with those of its options that the pages may use."""

COMMANDS: Any = typer.main.get_command(app)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@dataclass(frozen=True)
class Command:
    """One line of a block, as it is typed, and its words without comments and variables set before it."""

    text: str
    words: Sequence[str]

    @property
    def not_run(self) -> str | None:
        """Why the tests do not run it; None where they do."""
        line = " ".join(self.words)
        return next((why for start, why in NOT_RUN.items() if line.startswith(start)), None)

    def check(self) -> None:
        """Look at what can be seen without running it: the shell's grammar, programs' commands and options."""
        command = ["bash", "-n", "-c", self.text]
        parsed = subprocess.run(command, capture_output=True, text=True, check=False)
        assert parsed.returncode == 0, parsed.stderr
        program, *arguments = self.words
        match program:
            case "streamer":
                check_streamer(arguments)
            case "make":
                assert arguments[0] in TARGETS, f"the Makefile has no target {arguments[0]}"
            case "helm":
                _check_helm(arguments)
            case "kubectl" if "--" in arguments:
                command = arguments[arguments.index("--") + 1 :]
                assert command[0] == "streamer"
                check_streamer(command[1:])
            case "pip":
                for name in (each for each in arguments[1:] if each != "."):
                    distribution(re.split(r"[\[=<>]", name)[0])  # raises where the tests don't run with it


def commands(block: Block) -> Iterator[Command]:
    """Yield the commands of a block; a backslash at the end of a line continues it."""
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"\w+=.*", words[0]):
            words = words[1:]
        if words:
            yield Command(line.strip(), words)


def check_streamer(arguments: Sequence[str]) -> None:
    """Parse a command line of `streamer` as `streamer` does, without running it."""
    if arguments[0].startswith("-"):
        assert arguments[0] in {"--help", "-h", "--version"}
        return
    assert arguments[0] in COMMANDS.commands, f"there is no command {arguments[0]}"
    COMMANDS.commands[arguments[0]].make_context(arguments[0], [*arguments[1:]])


def _check_helm(arguments: Sequence[str]) -> None:
    command, *rest = arguments
    assert command in HELM, f"helm {command} is not in {__file__}"
    unknown = {word.partition("=")[0] for word in rest if word.startswith("-")} - HELM[command]
    assert not unknown, f"helm {command} has no {unknown}, or {__file__} does not know"
    for chart in (word for word in rest if word.startswith("helm/")):
        assert (ROOT / chart / "Chart.yaml").exists(), f"there is no chart {chart}"
