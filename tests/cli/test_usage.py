from __future__ import annotations

import subprocess
import sys

import orjson
import pytest
from typer.testing import CliRunner

from streamer import __version__
from streamer.cli.app import COMMANDS, app
from streamer.events.schemas import SCHEMA_IDS, file_name, schema_text
from tests.cli.conftest import streamer

RUNNER = CliRunner()


def test_the_version_is_printed_without_loading_the_product() -> None:
    """It answers at once: what takes long to import is imported by the command that needs it."""
    loaded = "import sys, streamer.cli; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, check=True, encoding="utf-8")
    heavy = {"aiohttp", "aiokafka", "pydantic", "prometheus_client", "jsonschema_rs", "structlog", "rich.live"}
    assert not heavy & set(done.stdout.split())
    ended = streamer("--version")
    assert (ended.code, ended.out, ended.err) == (0, f"{__version__}\n", "")


def test_the_help_lists_every_command() -> None:
    """Each of them has a help of its own."""
    listed = RUNNER.invoke(app, ["--help"])
    assert listed.exit_code == 0
    for command in COMMANDS:
        assert f" {command} " in listed.stdout


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_each_command_explains_itself(command: str) -> None:
    """Its help goes to stdout and ends well."""
    ended = RUNNER.invoke(app, [command, "--help"], prog_name="streamer")
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert f"streamer {command}" in ended.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["bogus"],
        ["run"],
        ["run", "--config"],
        ["tail", "--config", "x.yaml", "--output", "xml"],
        ["poll-once", "--config", "x.yaml"],
        ["schemas", "no-such-schema"],
        ["demo", "--tenants", "0"],
        ["demo", "--kafka", "no-port"],
        ["simulate", "--faults", "no-such-fault"],
        ["simulate", "--churn", "2"],
        ["simulate", "--port", "none"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_says_why_on_stderr(arguments: list[str]) -> None:
    """Nothing on stdout: it is data."""
    ended = RUNNER.invoke(app, arguments)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "Error" in ended.stderr


def test_each_schema_is_printed_as_it_is_published() -> None:
    """By its file's name and by its id; the list is what can be asked for."""
    assert RUNNER.invoke(app, ["schemas"]).stdout.splitlines() == [file_name(each) for each in SCHEMA_IDS]
    for schema_id in SCHEMA_IDS:
        for name in (schema_id, file_name(schema_id)):
            ended = RUNNER.invoke(app, ["schemas", name])
            assert ended.exit_code == 0
            assert ended.stdout.encode() == schema_text(schema_id)
            assert orjson.loads(ended.stdout)["$id"] == schema_id


def test_the_faults_that_can_be_simulated_are_listed() -> None:
    """One line each."""
    ended = RUNNER.invoke(app, ["simulate", "--list-faults"])
    assert ended.exit_code == 0
    assert "429" in {line.split()[0] for line in ended.stdout.splitlines()}
