"""What a shell offers when somebody presses Tab, asked of a real bash."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Place

_TAB = r"""
set -eu
eval "$(streamer --show-completion bash)"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
"$(complete -p streamer | sed 's/.*-F \([^ ]*\).*/\1/')" streamer
printf '%s\n' "${COMPREPLY[@]}"
"""


def offered(*words: str) -> set[str]:
    """Return what bash offers after these words, the last of which is being typed."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = {**os.environ, "PATH": path, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    ended = subprocess.run(
        ["/bin/bash", "-c", _TAB, "tab", "streamer", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(ended.stdout.split())


def test_commands_are_offered() -> None:
    assert offered("t") == {"tail"}
    assert {"run", "poll-once", "check-config"} <= offered("")


@pytest.mark.parametrize("command", ["poll-once", "tail"])
def test_the_tenants_of_the_config_are_offered(place: Place, command: str) -> None:
    """Without their secrets at hand; what is typed already narrows them down."""
    assert offered(command, "--config", place.config, "--tenant", "sim-") == {"sim-001", "sim-002"}
    assert offered(command, "--config", place.config, "--tenant", "sim-002") == {"sim-002"}


def test_a_config_that_cannot_be_used_offers_nobody(tmp_path: Path) -> None:
    """And says nothing: a person is typing."""
    (tmp_path / "bad.yaml").write_text("store: [")
    assert offered("tail", "--config", str(tmp_path / "bad.yaml"), "--tenant", "") == set()
    assert offered("tail", "--tenant", "") == set()
