"""Rules about the table: each agent's last event, byte for byte, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

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


def transactions_agree(case: Case) -> Iterator[Violation]:
    """Each transaction that has events has their rows and no others: same bytes, same order, in the same partition.

    A transaction ends with a marker, which takes an offset of its own, so records that follow each other without a gap
    belong together as long as nobody else writes to these partitions. Rows that erase an agent come without events.
    """
    if case.evidence.rows_compacted:
        return
    events = _transactions([event.message for event in case.events])
    rows = _transactions(_in_order(case))
    for partition in sorted(events.keys() | rows.keys()):
        told = (_told(transaction) for transaction in rows[partition])
        for one, other in zip_longest(events[partition], filter(None, told), fillvalue=()):
            if [_bytes(event) for event in one] != [_bytes(row) for row in other]:
                place = f"partition {partition}: events {_span(one)}, rows {_span(other)}"
                yield _wrong([*one, *other][0].key, f"{place} were not written together")
                break


def _transactions(messages: Iterable[Message]) -> defaultdict[int, list[list[Message]]]:
    """Cut each partition's records, given in their order, where an offset is left out."""
    found: defaultdict[int, list[list[Message]]] = defaultdict(list)
    for message in messages:
        of_partition = found[message.partition]
        if of_partition and of_partition[-1][-1].offset == message.offset - 1:
            of_partition[-1].append(message)
        else:
            of_partition.append([message])
    return found


def _told(rows: Iterable[Message]) -> list[Message]:
    """Return the rows that tell of an event."""
    return [row for row in rows if row.value is not None and row.key != CLAIM_KEY]


def _bytes(message: Message) -> tuple[bytes, bytes | None, tuple[tuple[str, bytes], ...]]:
    return message.key, message.value, message.headers


def _span(messages: Sequence[Message]) -> str:
    return f"{messages[0].offset} to {messages[-1].offset}" if messages else "none"


def _rows(case: Case) -> Iterator[Message]:
    return (row for row in _in_order(case) if row.key != CLAIM_KEY)


def _in_order(case: Case) -> Sequence[Message]:
    return sorted(case.evidence.rows, key=lambda row: (row.partition, row.offset))


def _wrong(key: bytes, message: str) -> Violation:
    tenant, _, agent = key.decode().partition("|")
    return Violation("row", tenant, agent, message)
