"""The examples of the guide for consumers, run beside a service: what each prints is what was published, and true."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.docs.commands import commands
from tests.docs.pages import Page
from tests.docs.story import KAFKA
from tests.oracle import Evidence, judge
from tests.oracle.case import Case
from tests.oracle.evidence import millis
from tests.oracle.truth import Spell
from tests.support.broker import LIBS, NEWEST, ROOT, Broker, require_java
from tests.support.programs import wait_until
from tests.support.readers import EVENTS, ROWS, TENANTS, KafkaReader
from tests.support.trial import SCALE, Place, Trial, TrialSettings, kafka_place, new_dice, pause

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240 * SCALE)]

EXAMPLES = ROOT / "docs" / "examples"
WITH_REGISTRY = "with_schema_registry.py"
"""The one that wants a schema registry: `test_schema_registry.py` runs it."""
QUARTER = 10
"""Seconds that a quarter of an hour has here."""

WITHIN = 60.0

Line = Mapping[str, Any]


class Example:
    """A program of the guide, which goes on until Ctrl-C; it may be killed and started again."""

    def __init__(self, name: str, *arguments: str, folder: Path) -> None:
        """Take the file's name, its arguments, and where to keep what it prints."""
        python = [sys.executable, "-W", "error"]
        start = {".py": python, ".java": [shutil.which("java") or "java", "-cp", f"{LIBS / NEWEST}/*"]}
        self.name = name
        self._command = [*start[Path(name).suffix], str(EXAMPLES / name), *arguments]
        self._out = folder / f"{name}.out"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; what it prints is added to what it has printed."""
        with self._out.open("ab") as out:
            self._process = subprocess.Popen(self._command, stdout=out, cwd=self._out.parent)

    def end(self, how: signal.Signals = signal.SIGINT) -> int:
        """End it, and return its exit code."""
        assert self._process is not None
        self._process.send_signal(how)
        try:
            return self._process.wait(WITHIN)
        finally:
            self._process.kill()
            self._process.wait(WITHIN)

    def lines(self) -> list[str]:
        """Return the lines that it has printed; one that a kill cut off is none."""
        return self._out.read_text().splitlines()

    def documents(self) -> list[Line]:
        """Return them as JSON."""
        return [json.loads(line) for line in self.lines()]


@dataclass(frozen=True, kw_only=True)
class Read:
    """What was published, and what each example printed of it."""

    place: Place
    evidence: Evidence
    database: Path
    java: Sequence[str]
    states: Sequence[Line]
    quarters: Sequence[Line]
    codes: Mapping[str, int]

    @property
    def reader(self) -> KafkaReader:
        """Who else reads it."""
        assert isinstance(self.place.reader, KafkaReader)
        return self.place.reader


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    """Two tenants of a hundred agents; some leave, a mapping is published anew, one of the consumers is killed twice."""
    folder = tmp_path_factory.mktemp("consuming")
    settings = TrialSettings(
        tenants=2,
        agents=100,
        speed=4,
        churn=0.05,
        seed=new_dice().randrange(10_000),
        interval="250ms",
        heartbeat="500ms",
    )
    require_java()
    with Broker() as broker, Trial(kafka_place(broker.bootstrap, ""), folder, settings) as trial:
        trial.start()
        database = Example("events_to_database.py", broker.bootstrap, "changes.db", folder=folder)
        java = Example("Follow.java", broker.bootstrap, folder=folder)
        states = Example("current_state.py", broker.bootstrap, folder=folder)
        quarters = Example("close_quarters.py", broker.bootstrap, str(QUARTER), folder=folder)
        examples = [database, java, states, quarters]
        try:
            for each in examples:
                each.start()
            for _ in range(2):
                pause(QUARTER * SCALE)
                database.end(signal.SIGKILL)
                database.start()
            trial.change({tenant: {"resync": "once"} for tenant in trial.tenants})
            pause(QUARTER * SCALE)
            wait_until(lambda: closed(quarters) >= 2, "each tenant's second quarter is closed", within=WITHIN)
            trial.settle()
            assert trial.service.stop() == 0, trial.service.log_tail()
            evidence = trial.evidence(settled=trial.tenants)
            count = len(evidence.events)
            wait_until(lambda: stored(folder / "changes.db") >= count, "the database has all", within=WITHIN)
            wait_until(lambda: len(java.lines()) >= count, "Java has read all", within=WITHIN)
            last = {each.key.decode() for each in evidence.rows if each.value is not None}
            wait_until(lambda: told(states) >= last, "the table is read", within=WITHIN)
            pause(1)  # what should not be there would come now
        finally:
            codes = {each.name: each.end() for each in examples}
        yield Read(
            place=trial.place,
            evidence=evidence,
            database=folder / "changes.db",
            java=java.lines(),
            states=states.documents(),
            quarters=quarters.documents(),
            codes=codes,
        )


def closed(quarters: Example) -> int:
    """Return how many quarters are closed of the tenant of which the fewest are."""
    found = {(line["tenant"], line["from"]) for line in quarters.documents()}
    return min(Counter(tenant for tenant, _ in found).values(), default=0) if len({t for t, _ in found}) == 2 else 0


def stored(database: Path) -> int:
    """Return how many events are in the database."""
    if not database.exists():
        return 0
    with closing(sqlite3.connect(database, timeout=10)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM changes").fetchone()
    return int(count)


def told(states: Example) -> set[str]:
    """Return the keys of the agents whose state was printed."""
    return {f"{line['tenant']}|{line['agent']}" for line in states.documents()}


def test_the_examples_end_well(read: Read) -> None:
    """At Ctrl-C, without a complaint; a JVM says 130."""
    assert read.codes == {name: 130 if name.endswith(".java") else 0 for name in read.codes}
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == {*read.codes, WITH_REGISTRY}


def test_what_was_published_is_true_and_has_all_kinds(read: Read) -> None:
    """So that it is worth reading."""
    verdict = judge(read.evidence)
    assert not verdict.violations, verdict
    events = Case.of(read.evidence).events
    assert {event.change for event in events} == {"baseline", "appeared", "changed", "disappeared", "resync"}


def test_the_database_has_each_event_once_though_its_writer_was_killed(read: Read) -> None:
    """Its ids, states and values are those of the topic."""
    with closing(sqlite3.connect(read.database)) as connection:
        rows = connection.execute("SELECT ce_id, tenant, agent, sequence, state, value FROM changes").fetchall()
    published = [
        (
            dict(event.message.headers)["ce_id"].decode(),
            event.tenant,
            event.agent,
            event.sequence,
            (event.data["current"] or {}).get("state"),
            (event.message.value or b"").decode(),
        )
        for event in Case.of(read.evidence).events
    ]
    assert sorted(rows) == sorted(published)


def test_java_prints_each_event_in_the_order_of_its_agent(read: Read) -> None:
    """With the states and bounds that it has."""

    def state(status: Line | None) -> str:
        return "nothing" if status is None else str(status["state"])

    def line(data: Line) -> str:
        occurred = data["occurred"] or {"earliest": None, "latest": None}
        return (
            f"{data['tenant']} {data['agent']['id']} #{data['sequence']} {data['change']} {state(data['previous'])} -> "
            f"{state(data['current'])} between {occurred['earliest'] or '?'} and {occurred['latest'] or '?'}"
        )

    def by_agent(lines: Sequence[str]) -> Mapping[str, list[str]]:
        found = defaultdict(list)
        for each in lines:
            found[" ".join(each.split()[:2])].append(each)
        return found

    assert by_agent(read.java) == by_agent([line(event.data) for event in Case.of(read.evidence).events])


def test_the_table_ends_as_the_truth_does(read: Read) -> None:
    """Of each agent the last line has its last state; none where it is gone."""
    printed = {(line["tenant"], line["agent"]): line["state"] for line in read.states}
    rows = {event.who: event for event in Case.of(read.evidence).events}
    assert printed == {who: (event.data["current"] or {}).get("state") for who, event in rows.items()}
    present = {who for who, spells in Case.of(read.evidence).truth.items() if spells[-1].key is not None}
    assert {who for who, state in printed.items() if state is not None} == present


def test_quarters_hold_the_truth_within_their_bounds(read: Read) -> None:
    """Each agent's true time in each state, but for statuses too short to be promised, lies between `min` and `max`."""
    case = Case.of(read.evidence)
    names = {event.current: event.data["current"]["state"] for event in case.events if event.current is not None}
    lines = {(line["tenant"], line["agent"], millis(line["from"])): line for line in read.quarters}
    assert len(lines) == len(read.quarters), "nothing was late, so no line comes twice"
    starts = {(tenant, start) for tenant, _, start in lines}
    short = total = width = 0.0
    for who, spells in case.truth.items():
        for tenant, start in starts:
            if tenant != who[0]:
                continue
            end = start + 1000 * QUARTER
            assert end - start == 1000 * QUARTER
            line = lines.get((*who, start))
            truth, unseen = in_quarter(spells, start, end, names, line["resolution_ms"] if line else 0)
            assert line is not None or not truth, f"{who} was there from {start}"
            states = line["states"] if line else {}
            for state in truth.keys() | states.keys():
                bounds, true = states.get(state, {"min": 0, "max": 0}), truth.get(state, 0)
                assert bounds["min"] - unseen <= true <= bounds["max"] + unseen, (
                    who,
                    start,
                    state,
                    true,
                    bounds,
                    unseen,
                )
                width += bounds["max"] - bounds["min"]
            short += unseen
            total += end - start if line else 0
    print(f"{len(lines)} lines; bounds {width / total:.1%} of the time apart, {short / total:.1%} in short statuses")  # noqa: T201
    assert len(lines) >= 2 * 2 * 80
    assert short < 0.25 * total, "most of the time must be promised to be seen"
    assert width < 0.5 * total, "bounds that far apart say nothing"


def in_quarter(
    spells: Sequence[Spell], start: float, end: float, names: Mapping[Any, str], resolution: float
) -> tuple[dict[str, float], float]:
    """Return an agent's true milliseconds in each state, and how many of them in statuses that nobody need have seen."""
    truth: dict[str, float] = {}
    unseen = 0.0
    for spell in spells:
        held = min(end, spell.end) - max(start, spell.start)
        if held <= 0:
            continue
        if spell.end - spell.start <= resolution:
            unseen += held
        if spell.key is not None and (spell.key in names or spell.end - spell.start > resolution):
            state = names[spell.key]
            truth[state] = truth.get(state, 0) + held
    return truth, unseen


def test_kcat_prints_what_is_there(read: Read) -> None:
    """The guide's own lines: those that end print as many records as there are."""
    page = Page(ROOT / "docs" / "consuming.md")
    lines = [each.text for block in page.blocks("sh") for each in commands(block) if each.words[0] == "kcat"]
    assert len(lines) >= 3
    counts = {topic: len(read.reader.read(topic)) for topic in (EVENTS, ROWS, TENANTS)}
    for text in lines:
        [topic] = [topic for topic in counts if f"-t {topic} " in text]
        shell = ["bash", "-o", "pipefail", "-c", text.replace(KAFKA, read.reader.bootstrap)]
        done = subprocess.run(shell, capture_output=True, timeout=WITHIN, check=True, env={**os.environ, "LC_ALL": "C"})
        assert len(done.stdout.splitlines()) == counts[topic], text
