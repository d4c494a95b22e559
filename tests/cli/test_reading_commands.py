from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import orjson
import pytest

from streamer.clock import SystemClock, rfc3339
from streamer.events.definition import QueueStatus
from streamer.events.encode import new_trace, queue_record, queue_tombstone
from streamer.events.examples import QUEUE
from streamer.events.schemas import CLOUDEVENT, complaint
from streamer.store import Update
from streamer.store.sqlite import SqliteStore
from tests.cli.conftest import Place, streamer
from tests.support.broker import ROOT
from tests.support.programs import PASSWORD, PASSWORD_VARIABLE, WITHIN, Program, wait_until

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


def followed(config: str, folder: Path, *options: str, until: int) -> str:
    """Follow the events until so many lines came, and end it as Ctrl-C does; it ends well."""
    with Program("tail", "--config", config, *options, folder=folder, name="tail") as program:
        wait_until(lambda: program.output().count("\n") >= until, f"{until} lines")
        assert program._signal(signal.SIGINT) == 0
        assert program.log() == ""
        return program.output()


def stored(place: Place) -> int:
    """Return how many events there are."""
    with closing(sqlite3.connect(place.folder / "streamer.db")) as database:
        (count,) = database.execute('SELECT count(*) FROM "agent-status-changed"').fetchone()
        return int(count)


def test_tail_prints_each_event_as_a_cloud_event(place: Place, tmp_path: Path) -> None:
    """Each line is one document that fits the published schema, envelope and event."""
    count = stored(place)
    lines = followed(place.config, tmp_path, "--from-beginning", "--output", "json", until=count).splitlines()
    assert len(lines) == count
    assert [complaint(CLOUDEVENT, line.encode()) for line in lines] == [None] * count
    assert {orjson.loads(line)["source"] for line in lines} == {"/tenants/sim-001", "/tenants/sim-002"}


def test_tail_shows_one_tenant_alone(place: Place, tmp_path: Path) -> None:
    """The others are passed over."""
    lines = followed(place.config, tmp_path, "--from-beginning", "--tenant", "sim-002", until=4).splitlines()
    assert {line.split()[1] for line in lines} == {"sim-002"}


def test_tail_prints_lines_for_people(place: Place, tmp_path: Path) -> None:
    """When, who, what."""
    first = followed(place.config, tmp_path, "--from-beginning", until=8).splitlines()[0]
    assert first.split()[0].endswith("Z")
    assert " baseline " in first
    assert " - -> " in first


def test_tail_without_from_beginning_shows_only_what_comes(place: Place, tmp_path: Path) -> None:
    """Nothing of what is there already; it goes on while the service writes beside it."""
    began = rfc3339(SystemClock().wall())
    with Program("tail", "--config", place.config, folder=tmp_path, name="tail") as program:
        service = Program("run", "--config", place.config, folder=tmp_path, name="service")
        with service:
            wait_until(lambda: program.output().count("\n") > 0, "an event is shown")
            assert service.stop() == 0, service.log_tail()
        assert program.stop() == 0
        assert min(line.split()[0] for line in program.output().splitlines()) > began


def test_a_reader_that_goes_away_ends_tail_quietly(place: Place) -> None:
    """`streamer tail | head -1` is no failure."""
    tail = [sys.executable, "-m", "streamer", "tail", "--config", place.config, "--from-beginning"]
    with subprocess.Popen(tail, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(WITHIN) == 0
        assert process.stderr.read() == b""


async def test_tail_shows_the_rows_of_queues_where_asked(tmp_path: Path) -> None:
    """As lines for people and as CloudEvents; a row that is erased has nothing to show."""
    rows = [queue_record(msgspec.convert({**QUEUE, "tenant": "acme"}, QueueStatus), new_trace())]
    store = SqliteStore(path=tmp_path / "streamer.db", retention=1000, clock=SystemClock())
    await store.start()
    shard = await store.take_over(0, lambda: True)
    await shard.commit(Update(records=(queue_tombstone("acme", "115"), *rows)))
    await store.stop()
    config = tmp_path / "streamer.yaml"
    config.write_text(f"store: sqlite:///{tmp_path}/streamer.db\ntenants: []\n")
    line = followed(str(config), tmp_path, "--from-beginning", "--queues", until=1)
    assert line.split()[1:3] == ["acme", "116"]
    assert line.endswith("waiting 3 for 41 s, in progress 4, agents available 0\n")
    other = tmp_path / "json"
    other.mkdir()
    event = orjson.loads(followed(str(config), other, "--from-beginning", "--queues", "--output", "json", until=1))
    assert (event["type"], event["subject"], event["data"]) == ("QueueStatus", "116", {**QUEUE, "tenant": "acme"})


def test_tail_needs_no_secret_of_a_tenant(place: Place, tmp_path: Path) -> None:
    """Whoever reads events need not be able to poll."""
    assert PASSWORD_VARIABLE not in os.environ
    assert followed(place.config, tmp_path, "--from-beginning", until=1)


def test_audit_says_that_tables_and_events_agree(place: Place) -> None:
    """After a service that was stopped in good order."""
    ended = streamer("audit", "--config", place.config, "--output", "json")
    assert (ended.code, ended.err) == (0, "")
    (summary,) = [orjson.loads(line) for line in ended.out.splitlines()]
    assert (summary["kind"], summary["agrees"], summary["events"]) == ("summary", True, stored(place))
    assert "the tables agree with the events" in streamer("audit", "--config", place.config).out


def test_audit_finds_what_was_tampered_with_and_ends_with_1(place: Place) -> None:
    """One finding a line, then the summary; the store itself is left as it is."""
    copy = place.folder / "tampered.db"
    with closing(sqlite3.connect(place.folder / "streamer.db")) as database, closing(sqlite3.connect(copy)) as other:
        database.backup(other)
        other.execute(
            'DELETE FROM "agent-status-changed" WHERE offset = '
            '(SELECT (min(offset) + max(offset)) / 2 FROM "agent-status-changed")'
        )
        other.commit()
    config = place.write("tampered.yaml", lambda document: document.update(store=f"sqlite:///{copy}"))
    ended = streamer("audit", "--config", config, "--output", "json")
    documents: list[dict[str, Any]] = [orjson.loads(line) for line in ended.out.splitlines()]
    assert ended.code == 1
    assert [each["kind"] for each in documents] == ["finding"] * (len(documents) - 1) + ["summary"]
    assert documents[-1]["differences"] == len(documents) - 1 > 0
    assert "they differ" in streamer("audit", "--config", config).out


@pytest.mark.parametrize("command", ["tail", "audit"])
def test_a_store_that_is_not_there_is_a_failure(place: Place, command: str) -> None:
    """It is not made by looking at it, and the message names it."""
    config = place.write("nowhere.yaml", lambda document: document.update(store="sqlite:///nowhere.db"))
    ended = streamer(command, "--config", config)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("streamer: ")
    assert "nowhere.db" in ended.err
    assert not (place.folder / "nowhere.db").exists()


def test_poll_once_prints_what_the_vendor_says(place: Place) -> None:
    """All agents as JSON documents, and one alone."""
    environment = {**os.environ, PASSWORD_VARIABLE: PASSWORD}
    arguments = ("poll-once", "--config", place.config, "--tenant", "sim-001", "--output", "json")
    ended = streamer(*arguments, environment=environment)
    agents = [orjson.loads(line) for line in ended.out.splitlines()]
    assert (ended.code, len(agents)) == (0, 4)
    assert set(agents[0]) == {"agent", "state", "detail", "reason", "vendor", "mapped"}
    chosen = agents[1]["agent"]["id"]
    one = streamer(*arguments, "--agent", chosen, environment=environment)
    assert [orjson.loads(line)["agent"]["id"] for line in one.out.splitlines()] == [chosen]


@pytest.mark.parametrize(
    ("options", "secret", "says"),
    [
        (["--tenant", "sim-001"], "wrong", "401"),
        (["--tenant", "sim-001", "--agent", "nobody"], PASSWORD, "404"),
        (["--tenant", "nobody"], PASSWORD, "has no tenant 'nobody'; it has sim-001, sim-002"),
        (["--tenant", "sim-001"], None, PASSWORD_VARIABLE),
    ],
    ids=["wrong password", "unknown agent", "unknown tenant", "no password"],
)
def test_poll_once_says_what_went_wrong(place: Place, options: list[str], secret: str | None, says: str) -> None:
    """On stderr, with exit code 1, without the secret."""
    environment = {**os.environ} if secret is None else {**os.environ, PASSWORD_VARIABLE: secret}
    ended = streamer("poll-once", "--config", place.config, *options, environment=environment)
    assert (ended.code, ended.out) == (1, "")
    assert says in ended.err
    assert secret is None or secret not in ended.err
    assert "Traceback" not in ended.err
