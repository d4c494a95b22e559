from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import orjson
import pytest

from streamer.events.schemas import CLOUDEVENT, complaint
from tests.cli.conftest import streamer
from tests.support.broker import ROOT
from tests.support.ports import free_port
from tests.support.programs import WITHIN, Program, get, wait_until

if TYPE_CHECKING:
    from pathlib import Path

DEMO = ("demo", "--tenants", "2", "--agents", "5")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_simulator_ends_well_when_it_is_asked_to(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and `kubectl delete` are no failures; stdout stays empty."""
    port = free_port()
    with Program("simulate", "--port", str(port), folder=tmp_path, name="simulator") as program:
        wait_until(lambda: get(f"http://127.0.0.1:{port}/_simulator/tenants")[0] == 200, "it answers")
        assert program._signal(number) == 0
        assert program.output() == ""
        assert str(port) in program.log()


def test_the_demo_prints_cloud_events_and_nothing_else(tmp_path: Path) -> None:
    """Each line fits the published schema; it ends by itself, well, and leaves nothing in the temporary folder."""
    with Program(*DEMO, "--duration", "4", "--output", "json", folder=tmp_path, name="demo") as program:
        wait_until(lambda: not program.running, "it ends after its duration")
        assert program._signal(signal.SIGINT) == 0, program.log()
    lines = program.output().splitlines()
    assert len(lines) >= 10
    assert {complaint(CLOUDEVENT, line.encode()) for line in lines} == {None}
    assert {orjson.loads(line)["data"]["change"] for line in lines} >= {"baseline"}
    vendor, page = program.log().splitlines()
    assert "a simulated vendor answers at" in vendor
    assert "the status page is at http://127.0.0.1:" in page


def test_the_demo_prints_lines_for_people_where_no_terminal_is() -> None:
    """The table is for terminals."""
    ended = streamer(*DEMO, "--duration", "3")
    assert ended.code == 0
    assert ended.out.count(" baseline ") == 10
    assert "\x1b" not in ended.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_ends_well_when_it_is_asked_to(tmp_path: Path, number: signal.Signals) -> None:
    """In good order, with exit code 0; until then the status page is where it says."""
    with Program(*DEMO, "--output", "json", folder=tmp_path, name="demo") as program:
        wait_until(lambda: program.output().count("\n") >= 10, "the first events")
        page = program.log().partition("the status page is at ")[2].strip()
        assert [get(page)[0], get(f"{page}api/v1/tenants")[0]] == [200, 200]
        assert program._signal(number) == 0, program.log()
    assert "Traceback" not in program.log()


def test_a_reader_that_goes_away_ends_the_demo_quietly() -> None:
    """`streamer demo --output json | head -1`."""
    demo = [sys.executable, "-m", "streamer", *DEMO, "--output", "json"]
    with subprocess.Popen(demo, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(WITHIN) == 0
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.kafka
def test_the_demo_runs_on_kafka(kafka: str) -> None:
    """With topics of its own."""
    ended = streamer(*DEMO, "--duration", "12", "--output", "json", "--kafka", kafka)
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert len(lines) >= 10, ended.err
    assert {complaint(CLOUDEVENT, line.encode()) for line in lines} == {None}


def test_a_second_signal_ends_the_process_at_once() -> None:
    """Whoever asks twice does not want to wait for good order."""
    stuck = (
        "import asyncio\n"
        "from streamer.cli.running import run_until_stopped\n"
        "async def work():\n"
        "    print('up', flush=True)\n"
        "    while True:\n"
        "        try: await asyncio.sleep(60)\n"
        "        except asyncio.CancelledError: print('asked', flush=True)\n"
        "run_until_stopped(work)\n"
    )
    with subprocess.Popen([sys.executable, "-c", stuck], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == b"asked\n"
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN) == 1
        assert time.monotonic() - began < 10
