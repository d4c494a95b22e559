"""How the service logs: one JSON object a line for machines, readable lines for a person at a terminal; on stderr."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, Any, Final, TextIO

import orjson
import structlog

from streamer.clock import rfc3339
from streamer.service.quiet import Quiet
from streamer.store.engine import ToldError

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from structlog.typing import EventDict, Processor

    from streamer.clock import Clock

_OWN: Final = "streamer"
_LIBRARIES: Final = logging.WARNING
"""Below this, libraries tell of the ordinary course of things: connections, heartbeats, single requests."""

_REBALANCES: Final = "aiokafka.consumer.group_coordinator"
"""It warns of every rebalance; the service tells of them itself."""

_AGAIN_AFTER: Final = 60.0
"""Seconds until a library may say the same thing again."""

_FIRST: Final = ("timestamp", "level", "logger", "event")
"""The keys that every line has, in this order."""


def configure_logging(*, stream: TextIO, clock: Clock, level: int = logging.INFO) -> None:
    """Send every log line of the process to `stream`: ours from `level` on, those of libraries from WARNING on.

    A terminal gets readable lines, anything else one JSON object a line with `timestamp` (RFC 3339, UTC), `level`,
    `logger`, `event` and the line's own keys. What a library repeats is a line a minute, with `repeated`; what we tell of ourselves is none. Tracebacks never show the values of variables: they may be secrets.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _Timestamp(clock),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(stream)],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(_Sparing(clock))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LIBRARIES)
    logging.getLogger(_OWN).setLevel(level)
    logging.getLogger(_REBALANCES).setLevel(logging.ERROR)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _rendering(stream: TextIO) -> list[Processor]:
    if stream.isatty():
        colors = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]


def _json(line: EventDict, **_options: Any) -> str:
    first = {key: line.pop(key) for key in _FIRST if key in line}
    ordered = {**first, **line}
    try:
        return orjson.dumps(ordered, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # a number or a text that it does not know: a line is never lost for that
        return json.dumps(ordered, default=repr, skipkeys=True, ensure_ascii=False).encode(errors="replace").decode()


class _Sparing(logging.Filter):
    """Lets a library say the same thing once a minute: aiokafka tells of a broker that is away thirty times a second."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._quiet = Quiet(clock=clock, again_after=_AGAIN_AFTER)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] in {_OWN, "py"}:  # Python tells each of its warnings once by itself
            return True
        if isinstance(record.args, tuple) and any(isinstance(each, ToldError) for each in record.args):
            return False
        count = self._quiet.due(record.name, str(record.msg))
        if count > 1:
            record.repeated = count
        return count > 0


class _Timestamp:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, _logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line["timestamp"] = rfc3339(self._clock.wall())
        return line
