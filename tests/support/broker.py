"""A real Apache Kafka for tests: one node in KRaft mode, which can be stopped, killed, frozen and started again.

Alone it is a whole cluster; `cluster` makes several of them one. `python -m tests.support.broker` runs one in the
foreground until Ctrl-C.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import psutil
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.support.endings import Tied
from tests.support.ports import HOST, accepts, free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
LIBS = ROOT / ".kafka"
VERSIONS: Sequence[str] = (ROOT / "tests" / "kafka" / "versions").read_text().split()
NEWEST = VERSIONS[0]
LOG_SETTINGS = ROOT / "tests" / "kafka" / "log4j2.properties"

START_WITHIN = 60.0
"""Seconds until a started broker must answer; it takes three on an idle machine."""

STOP_WITHIN = 20.0
"""Seconds that SIGTERM has before SIGKILL follows."""

STATE_WITHIN = 30.0
"""Seconds in which the system must have frozen or thawed it."""

DEFAULTS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    # one node can hold no replicas
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # small internal topics: a start takes milliseconds less for each partition that is not there
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "1",
    # tests do not wait for members that never come
    "group.initial.rebalance.delay.ms": "0",
    # nor six seconds for one that is gone, where a test chooses a shorter session
    "group.min.session.timeout.ms": "500",
    # a node is not registered again until its last life's session is over: nine seconds by default, at every start
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}

_JAVA = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dlog4j2.configurationFile={LOG_SETTINGS}")


class BrokerError(Exception):
    """The broker cannot be had, or did not do what it was told; says what to do, with the end of its log."""


class Seat(NamedTuple):
    """A node's number and ports; `voters` are all nodes of its cluster as `controller.quorum.voters` names them."""

    number: int
    port: int
    controller_port: int
    voters: str


def seats(count: int) -> Sequence[Seat]:
    """Return the places of the nodes of a cluster, numbered from 1, on free ports."""
    ports = free_ports(2 * count)
    voters = ",".join(f"{number}@{HOST}:{port}" for number, port in enumerate(ports[count:], 1))
    return [Seat(number, ports[number - 1], ports[count + number - 1], voters) for number in range(1, count + 1)]


class Broker:
    """One Kafka node on free loopback ports with its data in a temporary folder.

    Ports and data stay the same from `start` to `start`, until `close` deletes the data.
    """

    def __init__(
        self, *, properties: Mapping[str, str] | None = None, version: str = NEWEST, seat: Seat | None = None
    ) -> None:
        """Take server properties that override or add to `DEFAULTS`, one of `VERSIONS`, and a place in a cluster."""
        self._folder = Path(tempfile.mkdtemp(prefix="streamer-kafka-"))
        self._version = version
        self._seat = seat or seats(1)[0]
        self._properties = {**DEFAULTS, **self._places(), **(properties or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._tied: Tied | None = None

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"{HOST}:{self._seat.port}"

    @property
    def running(self) -> bool:
        """Whether the process is there, frozen or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The id of the broker's process."""
        return self._alive().pid

    def start(self) -> Self:
        """Start the broker and wait until it answers a metadata request.

        Raises:
            BrokerError: there is no Java, or no Kafka; it is running already; it did not answer within `START_WITHIN`.

        """
        self.launch()
        try:
            self.await_answer()
        except BaseException:
            self.kill()
            raise
        return self

    def launch(self) -> None:
        """Start the broker and do not wait for it: in a cluster it waits for others.

        Raises:
            BrokerError: there is no Java, or no Kafka; it is running already.

        """
        if self.running:
            raise BrokerError(f"the broker on {self.bootstrap} is running already")
        self.kill()  # one that ended by itself left its watcher, who would delete the data in the end
        java = require_java(self._version)
        settings = self._folder / "server.properties"
        if not settings.exists():
            settings.write_text("".join(f"{key}={value}\n" for key, value in self._properties.items()))
            self._format(java, settings)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [java, *_JAVA, "-cp", self._classpath, "kafka.Kafka", str(settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,  # Ctrl-C is for the tests: they end the broker
            )
        self._tied = Tied(self._process, folder=self._folder)

    def stop(self) -> None:
        """End the broker as an administrator would: SIGTERM, and SIGKILL after `STOP_WITHIN`."""
        self.thaw()
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the broker as a power cut would."""
        self._end(signal.SIGKILL)

    def restart(self) -> Self:
        """Stop and start, on the same ports with the same data."""
        self.stop()
        return self.start()

    def freeze(self) -> None:
        """Stop the broker in its tracks (SIGSTOP): connections stay open and nothing answers."""
        self._alive().send_signal(signal.SIGSTOP)
        self._await_state(stopped=True)

    def thaw(self) -> None:
        """Let a frozen broker go on; nothing to a running one."""
        if self.running:
            self._alive().send_signal(signal.SIGCONT)
            self._await_state(stopped=False)

    def save(self, to: Path) -> None:
        """Copy the log and the data, for whoever looks into what a test found (`kafka.tools.DumpLogSegments`)."""
        shutil.copytree(self._folder, to)

    def close(self) -> None:
        """Kill what is left and delete the data."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def await_answer(self) -> None:
        """Wait until the broker answers a metadata request.

        Raises:
            BrokerError: it ended, or did not answer within `START_WITHIN`.

        """
        deadline = time.monotonic() + START_WITHIN
        while time.monotonic() < deadline:
            if not self.running:
                raise BrokerError(f"the broker ended while starting; the end of its log:\n{self.log_tail()}")
            if accepts(self._seat.port) and answers(self.bootstrap, within=2.0):
                return
            time.sleep(0.05)
        raise BrokerError(
            f"the broker did not answer within {START_WITHIN:.0f} s; the end of its log:\n{self.log_tail()}"
        )

    def log_tail(self, lines: int = 20) -> str:
        """Return the end of the broker's log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:]) if self._log.exists() else ""

    def __enter__(self) -> Self:
        """Start."""
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill, and delete the data: nobody needs it any more."""
        self.close()

    @property
    def _log(self) -> Path:
        return self._folder / "broker.log"

    @property
    def _classpath(self) -> str:
        return f"{LIBS / self._version}/*"

    def _places(self) -> dict[str, str]:
        seat = self._seat
        return {
            "node.id": str(seat.number),
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{HOST}:{seat.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.voters": seat.voters,
            "log.dirs": str(self._folder / "data"),
        }

    def _format(self, java: str, settings: Path) -> None:
        command = [java, *_JAVA, "-cp", self._classpath, "kafka.tools.StorageTool", "format"]
        command += ["--cluster-id", "streamer-tests-0000000", "--config", str(settings)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_WITHIN, check=False)
        if done.returncode:
            raise BrokerError(f"formatting the broker's storage failed:\n{done.stdout}{done.stderr}")

    def _await_state(self, *, stopped: bool) -> None:
        process, deadline = psutil.Process(self.pid), time.monotonic() + STATE_WITHIN
        while (process.status() == psutil.STATUS_STOPPED) is not stopped:
            if time.monotonic() > deadline:
                raise BrokerError(
                    f"the broker {'did not freeze' if stopped else 'stayed frozen'} for {STATE_WITHIN:.0f} s"
                )
            time.sleep(0.001)

    def _alive(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            raise BrokerError(f"the broker on {self.bootstrap} is not running")
        return self._process

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            try:
                self._process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(STOP_WITHIN)
            self._process = None
        if self._tied is not None:
            self._tied.untie()
            self._tied = None


def answers(bootstrap: str, *, within: float) -> bool:
    """Tell whether a cluster names at least one broker within so many seconds."""
    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "socket.timeout.ms": int(within * 1000)})
    try:
        return bool(client.list_topics(timeout=within).brokers)
    except KafkaException:
        return False


def require_java(version: str = NEWEST) -> str:
    """Return the path of `java`.

    Raises:
        BrokerError: there is no Java here, or Kafka has not been fetched.

    """
    java = shutil.which("java")
    instead = "tests that share a broker are also content with one named by KAFKA_BOOTSTRAP_SERVERS"
    if java is None:
        raise BrokerError(f"no java on the PATH: install a Java 17 runtime ({instead})")
    if not any((LIBS / version).glob("kafka_*.jar")):
        raise BrokerError(f"no Kafka in {(LIBS / version).relative_to(ROOT)}: run `make kafka` ({instead})")
    return java


def main() -> int:
    """Run a broker until Ctrl-C or SIGTERM."""
    for number in (signal.SIGTERM, signal.SIGINT):  # a shell starts its background jobs with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    try:
        with Broker() as broker:
            sys.stdout.write(f"{broker.bootstrap}\n")
            sys.stdout.flush()
            sys.stderr.write("Kafka is running; Ctrl-C ends it and deletes its data.\n")
            signal.pause()
    except KeyboardInterrupt:
        return 0
    except BrokerError as error:
        sys.stderr.write(f"{error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
