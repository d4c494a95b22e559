"""Reading the queues of 8x8's real-time statistics, from JSON or XML, into the same values; see docs/decisions/0017."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from streamer.model import Queue, QueueGauges
from streamer.sources import payload
from streamer.sources.documented import UnknownFields
from streamer.sources.eight_by_eight_realtime_payload import Format, json_items
from streamer.sources.eight_by_eight_realtime_values import LARGEST, Value, plain, text
from streamer.sources.errors import PollError
from streamer.sources.xml_payload import Shape, records

ID: Final = "queue-id"
NAME: Final = "queue-name"
MEDIA: Final = "media-type"
TYPE: Final = "queue-type"

GAUGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "agents_available": "agent-count-waitTransact",
        "agents_busy": "agent-count-busy",
        "agents_post_processing": "agent-count-postProcess",
        "agents_on_break": "agent-count-onBreak",
        "agents_work_offline": "agent-count-workOffline",
        "agents_logged_out": "agent-count-loggedOut",
        "agents_assigned": "assigned-agent-count",
        "agents_enabled": "enabled-agent-count",
        "waiting": "queue-size",
        "offered": "number-in-offered",
        "in_progress": "number-in-progress",
        "longest_wait_seconds": "longest-wait-time",
        "sla_activity_percent": "sla-activity",
        "sla_target": "sla-target",
    }
)
"""The vendor's field of each published gauge."""

COUNTERS: Final = (
    "day-abandoned",
    "day-accepted",
    "day-avg-duration",
    "day-avg-wait-time",
    "day-queued",
    "day-sla-activity",
    "thirty-min-abandoned",
    "thirty-min-accepted",
    "thirty-min-avg-duration",
    "thirty-min-avg-wait-time",
    "thirty-min-longest-wait-time",
    "thirty-min-queued",
    "thirty-min-sla-activity",
)
"""The vendor's fields that are published as `counters`, under these very names."""

QUEUES: Final = Shape(
    tag="queue",
    lists=("queues", "queue", "data"),
    mark=ID,
    fields=frozenset({ID, NAME, MEDIA, TYPE, *GAUGES.values(), *COUNTERS}),
)

_FRACTION = re.compile(r"(-?[0-9]{1,16})\.[0-9]+")
_ITEM = msgspec.json.Decoder(dict[str, msgspec.Raw])
_VALUE = msgspec.json.Decoder(Value)


def read_queues(body: bytes, *, form: Format, unknown: UnknownFields) -> Mapping[str, Queue]:
    """Return all queues of an answer by their ids.

    Raises:
        PollError: invalid_body with the path of what is wrong, or incomplete for a queue that is listed twice.

    """
    queues: dict[str, Queue] = {}
    for path, record in _records(body, form, unknown):
        queue = _queue(record, path)
        if queue.id in queues:
            raise PollError("incomplete", f"{path}: a queue that was listed before")
        queues[queue.id] = queue
    return queues


def _records(body: bytes, form: Format, unknown: UnknownFields) -> Iterator[tuple[str, Mapping[str, Value]]]:
    """Yield the fields of each queue, with its path."""
    if form == "xml":
        yield from records(body, QUEUES, unknown)
        return
    for path, item in json_items(body, QUEUES, unknown):
        fields = payload.decode(_ITEM, item, path=path)
        if more := fields.keys() - QUEUES.fields:
            unknown.add(path, more)
        known = ((name, value) for name, value in fields.items() if name in QUEUES.fields)
        yield path, {name: payload.decode(_VALUE, value, path=f"{path}.{name}") for name, value in known}


def _queue(record: Mapping[str, Value], path: str) -> Queue:
    id_ = text(record.get(ID))
    if id_ is None:
        raise payload.invalid(f"{path}.{ID}", "is missing")
    counters = {name: plain(record.get(name)) for name in COUNTERS}
    return Queue(
        id=payload.agent_id(id_, f"{path}.{ID}"),
        name=text(record.get(NAME)),
        media=text(record.get(MEDIA)),
        type=text(record.get(TYPE)),
        gauges=QueueGauges(**{name: _gauge(record.get(field), f"{path}.{field}") for name, field in GAUGES.items()}),
        counters={name: value for name, value in counters.items() if value is not None},
    )


def _gauge(value: Value, path: str) -> int | None:
    """Return a gauge, a fraction of it cut off; None for nothing, and for a negative: the vendor's "not available"."""
    number = plain(value)
    if isinstance(number, str) and (match := _FRACTION.fullmatch(number)):
        number = int(match[1])
    if isinstance(number, str) or (number is not None and abs(number) > LARGEST):
        raise payload.invalid(path, f"expected a number of at most {LARGEST}, or one that comes as text")
    return None if number is None or number < 0 else int(number)
