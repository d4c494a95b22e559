from __future__ import annotations

import io
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time

import orjson
import pytest

from streamer.cli.options import Output
from streamer.cli.printing import EventPrinter
from streamer.cli.text import event_text, printable
from streamer.events.examples import CHANGED
from streamer.events.record import EVENTS, Stored
from tests.support.broker import ROOT
from tests.support.programs import WITHIN
from tests.support.values import polls, snapshot, status

TABLES = re.compile(
    rb"the status page is at http://.*agents by state.*sim-001 +ok.*sim-002 +ok.*newest changes.*sim-00\d +baseline +\w",
    re.DOTALL,
)
"""What a terminal of 80 columns shows once both tenants were polled."""


def test_an_event_is_one_line() -> None:
    """When it was detected, who, what, and when it happened."""
    assert event_text(CHANGED).split() == [
        "2026-11-21T09:30:10.304Z",
        "acmecorp01",
        "ag64oyEUb_Sk6bxVB9P5ye5w",
        "changed",
        *["ready", "->", "not_ready/work_offline", "(Train)"],
        "[2026-11-21T09:30:00.125Z",
        "..",
        "2026-11-21T09:30:10.302Z]",
    ]


def test_what_was_missed_and_what_is_late_is_said() -> None:
    """A reader should not take such an event for an ordinary one."""
    assert event_text({**CHANGED, "late": True, "missed_transitions": 2}).endswith("late missed 2")


def test_a_disappearance_leads_nowhere() -> None:
    """And a resync has no time of its own."""
    assert " ready -> -  [" in event_text({**CHANGED, "change": "disappeared", "current": None})
    assert "[" not in event_text({**CHANGED, "change": "resync", "occurred": None})


@pytest.mark.parametrize("text", ["\x1b[2J", "line\nbreak", "\u202eright to left", "\x9b31m", "\r"])
def test_a_terminal_never_obeys_a_vendor(text: str) -> None:
    """Control characters are shown."""
    shown = printable(f"ag{text}1")
    assert shown.isprintable()
    assert text not in shown
    assert event_text({**CHANGED, "agent": {"id": text, "name": None}}).isprintable()


@pytest.mark.parametrize("output", list(Output))
def test_what_is_no_event_is_named_and_passed_over(output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    """One bad record does not end the reading, and nothing of it is shown."""
    stream = io.StringIO()
    printer = EventPrinter(output=output, stream=stream, tenants=frozenset({"acme"}))
    good = next(each for each in polls(snapshot(0, 9, status("anna", 4))).records if each.topic == EVENTS)
    for offset, (key, value, headers) in enumerate(
        [
            (b"acme|x", b"{", ()),
            (b"acme|x", b"[]", good.headers[:1]),
            (b"acme|x", None, ()),
            (b"\xff|x", b"{}", ()),
            (good.key, good.value, good.headers),
            (b"other|x", good.value, good.headers),
        ]
    ):
        printer.show(Stored(EVENTS, 2, offset, key, value, headers))
    assert len(stream.getvalue().splitlines()) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"streamer: agent-status-changed[2]@{offset} is no event of ours; it is passed over" for offset in range(4)
    ]


@pytest.mark.parametrize("fields", [{"tenant": 5}, {"occurred": "noon"}, {"agent": []}, {"current": {"reason": "x"}}])
def test_an_event_of_another_shape_does_not_end_the_table(
    fields: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody else's JSON may stand in the topic."""
    stream = io.StringIO()
    value = orjson.dumps({**CHANGED, **fields})
    EventPrinter(output=Output.TABLE, stream=stream).show(Stored(EVENTS, 2, 7, b"acme|x", value, ()))
    assert (stream.getvalue(), capsys.readouterr().err) == (
        "",
        "streamer: agent-status-changed[2]@7 is no event of ours; it is passed over\n",
    )


def test_json_lines_hold_the_event_as_it_is() -> None:
    """Under `data`."""
    stream = io.StringIO()
    good = next(each for each in polls(snapshot(0, 9, status("anna", 4))).records if each.topic == EVENTS)
    EventPrinter(output=Output.JSON, stream=stream).show(Stored(EVENTS, 0, 0, good.key, good.value, good.headers))
    assert orjson.loads(stream.getvalue())["data"] == orjson.loads(good.value or b"")


def test_a_terminal_gets_a_live_table_and_is_left_in_order() -> None:
    """Tenants by state and the newest changes; the cursor is back after Ctrl-C."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (50, 80))
    command = [sys.executable, "-m", "streamer", "demo", "--tenants", "2", "--agents", "5"]
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment) as process:
        os.close(theirs)
        try:
            shown = _read(ours, until=TABLES)
            process.send_signal(signal.SIGINT)
            shown += _read(ours)
            assert process.wait(WITHIN) == 0
        finally:
            process.kill()
            os.close(ours)
    assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")
    assert b"Traceback" not in shown


def _read(terminal: int, *, until: re.Pattern[bytes] | None = None, within: float = WITHIN) -> bytes:
    """Read what a terminal shows, until it matches or the program is gone."""
    shown, deadline = b"", time.monotonic() + within
    while until is None or not until.search(shown):
        assert time.monotonic() < deadline, shown.decode(errors="replace")
        try:
            shown += os.read(terminal, 65_536)
        except OSError:  # Linux's way to say that nobody holds the other end
            break
    return shown
