"""Rules about the table: each agent's last event, byte for byte, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tests.oracle.case import CLAIM_KEY, Case, Violation
from tests.oracle.evidence import Message


def rows_are_the_last_events(case: Case) -> Iterator[Violation]:
    """The final table has exactly the agents with events, less the forgotten, each with its last event's bytes."""
    table = {row.key: row for row in _rows(case)}
    events = {event.message.key: event.message for event in case.events}
    forgotten = {f"{tenant}|{agent}".encode() for tenant, agent in case.evidence.facts.forgotten}
    for key in sorted(table.keys() | events.keys()):
        row, event = table.get(key), events.get(key)
        if row is None or row.value is None:
            if key not in forgotten and event is not None:
                yield _wrong(key, "has events but no row")
        elif event is None:
            yield _wrong(key, "has a row but no events")
        elif (row.value, row.headers) != (event.value, event.headers):
            yield _wrong(key, f"row {row.partition}@{row.offset} is not the last event, byte for byte")


def each_event_had_its_row(case: Case) -> Iterator[Violation]:
    """In the table's whole history each agent has one row for each event, in the same order, byte for byte."""
    if case.evidence.rows_compacted:
        return
    rows: dict[bytes, list[Message]] = defaultdict(list)
    events: dict[bytes, list[Message]] = defaultdict(list)
    for row in _rows(case):
        if row.value is not None:
            rows[row.key].append(row)
    for event in case.events:
        events[event.message.key].append(event.message)
    for key in sorted(rows.keys() | events.keys()):
        if _written(rows[key]) != _written(events[key]):
            yield _wrong(key, f"{len(events[key])} events and {len(rows[key])} rows written, or other ones")


def _written(messages: Sequence[Message]) -> list[tuple[bytes | None, tuple[tuple[str, bytes], ...]]]:
    return [(message.value, message.headers) for message in messages]


def _rows(case: Case) -> Iterator[Message]:
    in_order = sorted(case.evidence.rows, key=lambda row: (row.partition, row.offset))
    return (row for row in in_order if row.key != CLAIM_KEY)


def _wrong(key: bytes, message: str) -> Violation:
    tenant, _, agent = key.decode().partition("|")
    return Violation("row", tenant, agent, message)
