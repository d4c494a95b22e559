from __future__ import annotations

import io
import logging
import warnings
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import structlog

from streamer.service.logs import configure_logging
from streamer.store.engine import ToldError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.service.conftest import HandClock

SECRET = "hunter2"


class Terminal(io.StringIO):
    """A stream that says that a person reads it."""

    def isatty(self) -> bool:
        """Return True."""
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("streamer").setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Return each line of a stream, parsed."""
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_a_machine_gets_one_json_object_a_line(clock: HandClock) -> None:
    """Time, level, logger and event first; then the line's own keys."""
    stream = io.StringIO()
    configure_logging(stream=stream, clock=clock)
    structlog.get_logger("streamer.test").warning("tenant is down", tenant="acme", advice="line\nbreak")
    (line,) = lines(stream)
    assert list(line.items()) == [
        ("timestamp", "2026-11-21T12:00:00.000Z"),
        ("level", "warning"),
        ("logger", "streamer.test"),
        ("event", "tenant is down"),
        ("tenant", "acme"),
        ("advice", "line\nbreak"),
    ]


def test_a_person_gets_lines_to_read(clock: HandClock) -> None:
    """The same content, no JSON."""
    stream = Terminal()
    configure_logging(stream=stream, clock=clock)
    structlog.get_logger("streamer.test").info("shard is taken", shard=3)
    (text,) = stream.getvalue().splitlines()
    assert not text.startswith("{")
    assert "shard is taken" in text
    assert "2026-11-21T12:00:00.000Z" in text


def test_libraries_log_in_the_same_form_from_warning_on(clock: HandClock) -> None:
    """What aiokafka says about a broker stands beside what we say about it."""
    stream = io.StringIO()
    configure_logging(stream=stream, clock=clock)
    library = logging.getLogger("aiokafka.conn")
    library.info("connected to %s", "broker")
    library.warning("lost %s", "broker")
    assert [(line["logger"], line["event"]) for line in lines(stream)] == [("aiokafka.conn", "lost broker")]


def test_a_library_says_the_same_thing_once_a_minute(clock: HandClock) -> None:
    """However often it does, and with however many details; how often is told the next time. Our own lines all count."""
    stream = io.StringIO()
    configure_logging(stream=stream, clock=clock)
    library, own = logging.getLogger("aiokafka"), logging.getLogger("streamer.test")
    for attempt in range(1000):
        library.error("Unable connect to node with id %s: %s", 1, attempt)
    library.error("something else")
    own.warning("twice")
    own.warning("twice")
    clock.now += 61
    library.error("Unable connect to node with id %s: %s", 1, "again")
    told = [(line["event"], line.get("repeated")) for line in lines(stream)]
    assert told == [
        ("Unable connect to node with id 1: 0", None),
        ("something else", None),
        ("twice", None),
        ("twice", None),
        ("Unable connect to node with id 1: again", 1000),
    ]


def test_a_library_that_says_ever_other_things_is_heard_again(clock: HandClock) -> None:
    """Asyncio's lines name tasks, sockets and addresses, so each is another: a flood is cut off, and only for a minute."""
    stream = io.StringIO()
    configure_logging(stream=stream, clock=clock)
    library = logging.getLogger("asyncio")
    for minute in range(3):
        for task in range(150):
            library.error(f"Task-{minute}{task:03} failed")
        clock.now += 61
    assert [line["event"] for line in lines(stream)] == [
        f"Task-{minute}{task:03} failed" for minute in range(3) for task in range(100)
    ]


def test_warnings_of_python_are_lines_too(clock: HandClock) -> None:
    """Nothing may stand between the JSON lines."""
    stream = io.StringIO()
    configure_logging(stream=stream, clock=clock)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("soon gone", DeprecationWarning, stacklevel=1)
    (line,) = lines(stream)
    assert "soon gone" in line["event"]


@pytest.mark.parametrize("make_stream", [io.StringIO, Terminal])
def test_a_traceback_shows_no_value(clock: HandClock, make_stream: type[io.StringIO]) -> None:
    """A variable of a frame may be a password."""
    stream = make_stream()
    configure_logging(stream=stream, clock=clock)

    def connect(password: str) -> None:
        raise ConnectionError(f"refused, {len(password)} characters")

    try:
        connect(SECRET)
    except ConnectionError:
        structlog.get_logger("streamer.test").exception("it failed")
    assert "ConnectionError: refused, 7 characters" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_what_is_no_json_is_logged_all_the_same(clock: HandClock) -> None:
    """A log line never fails for its values."""
    stream = io.StringIO()
    configure_logging(stream=stream, clock=clock)
    structlog.get_logger("streamer.test").warning("odd", number=2**70, surrogate="\ud800", keys={1: object})
    assert [line["event"] for line in lines(stream)] == ["odd"]


def test_a_quiet_command_logs_only_from_its_level_on(clock: HandClock) -> None:
    """The demo shows warnings alone."""
    stream = io.StringIO()
    configure_logging(stream=stream, clock=clock, level=logging.WARNING)
    structlog.get_logger("streamer.test").info("shard is taken")
    assert stream.getvalue() == ""


def test_what_we_tell_of_ourselves_no_library_tells_again(clock: HandClock) -> None:
    """A client logs why it can't connect, each time; the service says it once, in readiness and in its log."""
    stream = io.StringIO()
    configure_logging(stream=stream, clock=clock)
    library = logging.getLogger("aiokafka.client")
    library.error("Unable connect to %s: %s", "broker:9093", ToldError("it refuses the login"))
    library.error("Unable connect to %s: %s", "broker:9093", OSError("nobody there"))
    assert [line["event"] for line in lines(stream)] == ["Unable connect to broker:9093: nobody there"]
