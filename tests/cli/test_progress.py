"""Long work says how far it is where somebody looks: the real commands at a real terminal, on a real Kafka."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from streamer.simulator import tenants_config
from tests.support.broker import ROOT
from tests.support.network import Api, Fault, Network, Weather
from tests.support.programs import PASSWORD, PASSWORD_VARIABLE, WITHIN, ServiceProgram, SimulatorProgram, wait_until
from tests.support.readers import EVENTS, ROWS, TENANTS
from tests.support.terminal import Terminal
from tests.support.topics import open_transaction

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

AGENTS = 300

SLOW = 1.5
"""Seconds that each fetch takes on a slow line; less than what a client waits for an answer."""

LONG = 3.0
"""Seconds after which a line would have been drawn."""

STREAMER = (sys.executable, "-m", "streamer")
RESTORING = r"^restoring [12] of 2 shards .* +[1-9]\d?% +[\d,]+/[\d,]+"
READING = b"reading agent-status-changed "

COLOUR = re.compile(rb"\x1b\[(?:\d+;)*(?:3[0-8]|9[0-7]|4[0-8])(?:;\d+)*m")
ESCAPE = b"\x1b"
LOGGED = r"\d{4}-\d\d-\d\dT\S+ \[\w+ *\] "
"""How a line of the log begins."""


@dataclass(frozen=True)
class Filled:
    """Topics with what the service published of some hundred agents; it has ended, its vendor goes on."""

    kafka: str
    prefix: str
    service: ServiceProgram
    config: Path

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """While entered, no restoration comes to its end: somebody's transaction is open on the table."""
        with open_transaction(self.kafka, f"{self.prefix}foreign", [f"{self.prefix}{ROWS}"]):
            yield

    @contextmanager
    def slow(self) -> Iterator[str]:
        """While entered, the config returned has a line to the broker on which each fetch takes its time."""
        with Network(self.kafka, later=SLOW) as network:
            line = network.line()
            line.disturb(Weather(apis=[Api.FETCH], faults=[Fault.DELAY], chance=1.0, seed=1))
            slow = self.config.with_name("slow.yaml")
            slow.write_text(self.config.read_text().replace(self.kafka, line.bootstrap))
            yield str(slow)

    def run(self, **environment: str) -> Terminal:
        """Run the service at a terminal that is wide enough for its log."""
        known = {PASSWORD_VARIABLE: PASSWORD, **environment}
        return Terminal(*STREAMER, "run", "--config", str(self.config), environment=known, size=(50, 240))


@pytest.fixture(scope="module")
def filled(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """Two shards, two tenants."""
    folder = tmp_path_factory.mktemp("progress")
    prefix = f"t{time.monotonic_ns():x}-"
    with SimulatorProgram("--tenants", "2", "--agents", str(AGENTS), folder=folder) as simulator:
        simulator.freeze()
        topics = {"bootstrap_servers": [kafka], "topic_prefix": prefix, "partitions": 2, "static_shards": "all"}
        tenants = tenants_config(simulator.base_url, 2)
        config = {"store": "kafka", "kafka": topics, "defaults": {"interval": "1s"}, "tenants": tenants}
        service = ServiceProgram(config, folder=folder)
        with service:
            service.wait_ready()
            changes = "streamer_status_changes_total"
            wait_until(lambda: service.metric(changes) >= 2 * AGENTS, "all agents are told")
            assert service.stop() == 0, service.log_tail()
        yield Filled(kafka, prefix, service, folder / "streamer.yaml")


def numbers(line: str) -> tuple[int, int]:
    """Return how much of how much a line says is done."""
    [(done, total)] = re.findall(r"([\d,]+)/([\d,]+) ", f"{line} ")[-1:]
    return int(done.replace(",", "")), int(total.replace(",", ""))


def test_a_long_restoration_is_shown_below_the_log_and_leaves_nothing_behind(filled: Filled) -> None:
    """Its line stays the last while others are logged, whole; it is gone when the shards are served, the cursor is not."""
    with ExitStack() as stack:
        stack.enter_context(filled.held_up())
        with filled.run() as terminal:
            done, total = numbers(terminal.await_line(RESTORING))
            assert 0 < done < total >= AGENTS
            terminal.send(signal.SIGHUP)
            terminal.await_line("config is in use")
            terminal.await_line(RESTORING)
            assert re.search(RESTORING, terminal.lines[-1])
            terminal.await_no_line(r"^restoring .*/s|^restoring .* left$")  # while it stands still
            assert len([line for line in terminal.lines if "restoring" in line]) == 1
            assert not terminal.cursor_hidden
            stack.close()
            terminal.await_line("shard is taken")
            terminal.await_no_line("^restoring")
            assert COLOUR.search(terminal.raw)
            terminal.send(signal.SIGINT)
            assert terminal.wait() == 0
            assert not terminal.cursor_hidden
            shown = [re.sub(r"^\^C", "", line) for line in terminal.lines]
            assert [line for line in shown if not re.match(LOGGED, line)] == []
            assert "service has stopped" in shown[-1]


@pytest.mark.parametrize(
    ("environment", "drawn"), [({"NO_COLOR": "1"}, True), ({"TERM": "dumb"}, False)], ids=["NO_COLOR", "TERM=dumb"]
)
def test_a_terminal_gets_what_it_is_said_to_understand(
    filled: Filled, environment: dict[str, str], *, drawn: bool
) -> None:
    """NO_COLOR: no colour, in the log neither. A dumb terminal: nothing but lines."""
    with filled.held_up(), filled.run(**environment) as terminal:
        terminal.await_line("service is starting")
        if drawn:
            terminal.await_line(RESTORING)
        else:
            time.sleep(LONG)
            assert not terminal.line("restoring")
            assert ESCAPE not in terminal.raw
        assert not COLOUR.search(terminal.raw)


def test_where_no_terminal_is_there_is_the_log_alone(filled: Filled) -> None:
    """Each line is JSON, however long it takes."""
    with filled.held_up(), filled.service as service:
        wait_until(lambda: service.get("/readyz")[0] == 503, "it has started")
        time.sleep(LONG)
        assert service.get("/readyz")[0] == 503
        assert all(orjson.loads(line)["event"] for line in service.log().splitlines())


def test_an_audit_shows_each_topic_that_it_reads(filled: Filled) -> None:
    """What it found stands alone on the screen in the end."""
    with filled.slow() as config, Terminal(*STREAMER, "audit", "--config", config) as terminal:
        assert terminal.wait() == 0
        for topic in (TENANTS, ROWS, EVENTS):
            assert f"reading {topic} ".encode() in terminal.raw
        summary, _, verdict = terminal.lines
        assert summary.startswith(f"{2 * AGENTS} agents of 2 tenants: ")
        assert verdict == "0 differences: the tables agree with the events"
        assert not terminal.cursor_hidden


def test_an_audit_shows_nothing_where_no_terminal_is(filled: Filled) -> None:
    """However slow it is."""
    with filled.slow() as config:
        done = subprocess.run(
            [*STREAMER, "audit", "--config", config], capture_output=True, cwd=ROOT, timeout=WITHIN, check=True
        )
    assert done.stderr == b""
    assert ESCAPE not in done.stdout


def test_tail_shows_how_far_it_is_only_where_its_events_go_into_a_file(filled: Filled, tmp_path: Path) -> None:
    """It goes on without the line when all that there was is read. At a terminal the events themselves are shown."""
    tail = (*STREAMER, "tail", "--from-beginning", "--config")
    events = tmp_path / "events"
    with filled.slow() as config, events.open("wb") as file:
        with Terminal(*tail, config, stdout=file) as terminal:
            wait_until(lambda: len(events.read_bytes().splitlines()) == 2 * AGENTS, "all is read")
            terminal.await_no_line("reading")
            assert READING in terminal.raw
            assert terminal.lines == [""]
            assert terminal.running
            terminal.send(signal.SIGINT)
            assert terminal.wait() == 0
        with Terminal(*tail, config) as terminal:
            terminal.await_line(" baseline ")
            assert b"reading" not in terminal.raw
            assert ESCAPE not in terminal.raw
