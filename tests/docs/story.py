"""A page read by somebody who does what it says: its configs are written, its commands run, one after the other.

What the page takes for granted is put in place of what is not here: a simulated vendor for the real one, a broker of
the test's for `localhost:9092`, free ports for those that the product takes by default.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from streamer.simulator import tenants_config
from tests.docs.commands import Command, commands
from tests.docs.pages import Block, Page
from tests.support.broker import LIBS, NEWEST, ROOT, Broker
from tests.support.kafka_tools import put_into
from tests.support.ports import HOST, accepts, free_ports
from tests.support.programs import PASSWORD, PASSWORD_VARIABLE, WITHIN, SimulatorProgram, get, wait_until
from tests.support.secured import SecuredKafka
from tests.support.topics import open_transaction

KAFKA, VENDOR, SERVER = "localhost:9092", "localhost:8088", "localhost:9464"
"""Where the pages find Kafka, the simulator and the service."""

SECURED = "kafka-1.example:9093"
"""Where they find a Kafka that asks who is there, administrators too."""

ADMIN = "admin.properties"
"""The file by which Kafka's tools log in there."""

HANGING = "--topic agent-status --partition 7 --start-offset OFFSET"
"""What they say of a transaction that hangs; somebody's is open there then, and its offset is filled in."""

ENDLESS = (
    "streamer run",
    "streamer simulate",
    "streamer tail",
    "streamer demo",
    "make demo",
    "kcat -C",
    "python ",
    "java ",
)
"""Beginnings of commands that go on until Ctrl-C, unless they are told when to end or write into a pipe."""

_TOLD_TO_END = {"|", "--duration", "-e"}

TO_ITS_END, UNTIL_CTRL_C = "run", "run until Ctrl-C"

_INTERRUPTED = {0, 2, 130, -signal.SIGINT}
"""How they may end then: make says 2, a shell and Java 130."""

_FAILED = "\nError: "
"""How some of Kafka's tools begin what they say of a failure, and end well."""

_ASKED = {"id", "source", "timeout", "rate", "queues", "format", "forget", "forget_agents"}
"""What is kept of a tenant whose vendor is replaced."""


@dataclass
class _Running:
    command: Command
    process: subprocess.Popen[bytes]
    said: Path

    def output(self) -> str:
        return self.said.read_text(errors="replace")


class Story:
    """Entered, a folder in which the blocks of one page are carried out in their order."""

    def __init__(self, page: Page, folder: Path) -> None:
        """Take the page and an empty folder."""
        self._folder = folder
        self._stack = ExitStack()
        self._running: list[_Running] = []
        vendor, server = free_ports(2)
        self._places = {VENDOR: f"{HOST}:{vendor}", "--port 8088": f"--port {vendor}", SERVER: f"{HOST}:{server}"}
        self._server = {"host": HOST, "port": server}
        self._page = page
        self._simulator: SimulatorProgram | None = None
        path = (str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"])
        self._environment = {
            **os.environ,
            "PATH": os.pathsep.join(path),
            "PYTHONUNBUFFERED": "1",
            **dict.fromkeys(re.findall(r"\$(\w+_TOKEN)\b", page.text), PASSWORD),
        }

    def __enter__(self) -> Self:
        """Prepare the folder: what a checkout has, Kafka's jars in `libs`, and its tools on the PATH.

        A page that shows no config is for those whose service runs.
        """
        (self._folder / "tenants").mkdir()
        for name in ("docs", "helm", "schemas"):
            (self._folder / name).symlink_to(ROOT / name)
        (self._folder / "libs").symlink_to(LIBS / NEWEST)
        if self._runs("kafka-"):
            put_into(self._folder / "bin")
        if self._runs(KAFKA):
            self._places[KAFKA] = self._stack.enter_context(Broker()).bootstrap
        if self._runs(SECURED):
            kafka = self._stack.enter_context(SecuredKafka())
            self._places[SECURED] = kafka.address("LOGIN")
            (self._folder / ADMIN).write_text(kafka.admin_properties())
        self._stack.callback(self._end_all)
        if not any(self._page.blocks("yaml")) and any(map(self._runs, ("streamer.yaml", KAFKA, SERVER))):
            self._begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End what still runs, as Ctrl-C does; what ends badly fails a story that was good so far."""
        ended = self._end_all()
        self._stack.close()
        if kind is None:
            assert not (bad := [each for each in ended if each[1] not in _INTERRUPTED]), f"ended badly: {bad}"

    def write(self, block: Block) -> None:
        """Write a block of YAML into the file that its first line names, else into `streamer.yaml`."""
        named = re.match(r"# (\S+\.ya?ml)\n", block.text)
        name = named[1] if named else "streamer.yaml"
        if name == "streamer.yaml":
            self.configure(block.text)
        elif name.startswith("tenants/"):
            tenant = self._at_hand(yaml.safe_load(block.text), 1)
            (self._folder / name).write_text(yaml.safe_dump(tenant, sort_keys=False))
        else:
            (self._folder / name).write_text(block.text)

    def configure(self, text: str) -> None:
        """Write `streamer.yaml`, for the vendor, the broker and the ports that are here."""
        for name in re.findall(r"\{env: (\w+)\}", text):
            self._environment[name] = PASSWORD
        config: dict[str, Any] = yaml.safe_load(self._placed(text))
        config["server"] = self._server
        config["defaults"] = {"heartbeat": "1s", **config.get("defaults", {})}
        if "tenants" in config:
            config["tenants"] = [self._at_hand(tenant, number) for number, tenant in enumerate(config["tenants"], 1)]
        (self._folder / "streamer.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def run(self, block: Block) -> dict[str, int]:
        """Run a block's commands; return how many of them were run, are running, and why others were not."""
        done: dict[str, int] = {}
        for command in commands(block):
            command.check()
            if command.words[0] == "export":
                self._export(command)
            what = f"not run: {command.not_run}" if command.not_run else self._run(command)
            done[what] = done.get(what, 0) + 1
        return done

    def _export(self, command: Command) -> None:
        """Have the commands that follow know a variable."""
        shell = ["bash", "-c", f"{command.text}; env -0"]
        known = subprocess.run(shell, cwd=self._folder, env=self._environment, capture_output=True, check=True).stdout
        for each in filter(None, known.decode().split("\0")):
            name, _, value = each.partition("=")
            self._environment[name] = value

    def _run(self, command: Command) -> str:
        endless = " ".join(command.words).startswith(ENDLESS) and not _TOLD_TO_END & {*command.words}
        for each in [each for each in self._running if each.command.words == command.words]:
            code = self._end(each)  # started anew
            assert code in _INTERRUPTED, f"{each.command.text} ended with {code}: {each.output()}"
        said = self._folder / f"said-{len(list(self._folder.glob('said-*')))}"
        with said.open("wb") as out:
            shell = ["bash", "-o", "pipefail", "-c", self._placed(self._hung(command.text))]
            process = subprocess.Popen(
                shell,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=None if endless else subprocess.STDOUT,
                cwd=ROOT if command.words[0] == "make" else self._folder,
                env=self._environment,
                start_new_session=True,
            )
        running = _Running(command, process, said)
        self._running.append(running)
        if endless:
            wait_until(self._ready(running), f"{command.text} is at work", within=WITHIN)
            assert process.poll() is None, f"{command.text} ended with {process.poll()}: {running.output()}"
            return UNTIL_CTRL_C
        code = process.wait(WITHIN)
        self._running.remove(running)
        assert code == 0, f"{command.text} ended with {code}: {running.output()}"
        assert not running.output().startswith(_FAILED), f"{command.text} failed: {running.output()}"
        return TO_ITS_END

    def _hung(self, text: str) -> str:
        """Have a transaction open where a command is to abort one; return the command with its offset."""
        if HANGING not in text:
            return text
        begins = self._stack.enter_context(open_transaction(self._places[KAFKA], "somebody", ["agent-status"]))
        return text.replace("OFFSET", str(begins["agent-status", 7]))

    def _ready(self, running: _Running) -> Callable[[], bool]:
        def ready() -> bool:
            if running.process.poll() is not None:
                return True
            match [*running.command.words[:2]]:
                case ["streamer", "run"]:
                    return get(f"http://{self._places[SERVER]}/readyz")[0] == 200
                case ["streamer", "simulate"]:
                    return accepts(int(self._places[VENDOR].rpartition(":")[2]))
            return bool(running.output())

        return ready

    def _runs(self, what: str) -> bool:
        """Whether something stands in a command of the page that is run."""
        return any(
            what in command.text
            for block in self._page.blocks("sh")
            for command in commands(block)
            if not command.not_run
        )

    def _begin(self) -> None:
        """Run the service with the README's config, in Kafka where the page is about that."""
        text = next(Page(ROOT / "README.md").blocks("yaml")).text
        if KAFKA in self._places:
            kafka = f"store: kafka\nkafka: {{bootstrap_servers: [{KAFKA}], partitions: 8}}"
            text = re.sub(r"^store: .*", kafka, text, flags=re.MULTILINE)
        self.configure(text)
        service = "streamer run --config streamer.yaml"
        self._run(Command(service, service.split()))

    def _at_hand(self, tenant: dict[str, Any], number: int) -> dict[str, Any]:
        """Return a tenant at a simulated vendor, with the page's interval, but polled often enough for a test."""
        if tenant.get("base_url", "").endswith(self._places[VENDOR]):
            return tenant
        if self._simulator is None:
            options = ("--tenants", "4", "--agents", "20", "--speed", "60")
            self._simulator = self._stack.enter_context(SimulatorProgram(*options, folder=self._folder))
            self._environment[PASSWORD_VARIABLE] = PASSWORD
        known = tenants_config(
            self._simulator.base_url, number, password_env=PASSWORD_VARIABLE, source=tenant["source"]
        )[-1]
        kept = {key: tenant[key] for key in tenant if key in _ASKED or "file" in str(tenant[key])}
        return {**known, **kept, "interval": "1s"}

    def _placed(self, text: str) -> str:
        for place, here in self._places.items():
            text = text.replace(place, here)
        return text

    def _end_all(self) -> list[tuple[str, int]]:
        """Interrupt what runs, the last first; return each with its exit code."""
        return [(each.command.text, self._end(each)) for each in self._running[::-1]]

    def _end(self, running: _Running) -> int:
        self._running.remove(running)
        if running.process.poll() is None:
            os.killpg(running.process.pid, signal.SIGINT)
        try:
            return running.process.wait(WITHIN)
        except subprocess.TimeoutExpired:
            os.killpg(running.process.pid, signal.SIGKILL)
            return running.process.wait(WITHIN)
