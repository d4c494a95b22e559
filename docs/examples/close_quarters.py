"""How long was each agent in each state? By quarters of an hour: python close_quarters.py [BOOTSTRAP_SERVERS [SECONDS]].

Needs confluent-kafka. Prints a JSON line for each agent and quarter, as soon as the tenant's watermark says that the
quarter is complete: at least `min` and at most `max` milliseconds in each state. Statuses that lasted less than
`resolution_ms` may have gone unseen. What the vendor tells late makes lines come again, with a higher `revision`.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

KEPT = 96  # so many quarters are corrected if need be

EVENTS, TABLE, TENANTS = "agent-status-changed", "agent-status", "tenant-status"


class Span(NamedTuple):
    """A moment that lies between two others, in milliseconds since 1970."""

    earliest: float
    latest: float


class Spell(NamedTuple):
    """An agent was in a state; None: not there."""

    state: str | None
    entered: Span
    left: Span = Span(inf, inf)


@dataclass
class Quarter:
    """One that is closed."""

    start: float
    resolution: int | None
    revision: int = 1


def millis(text: str | None) -> float:
    """Read a time; none is since ever."""
    return -inf if text is None else round(datetime.fromisoformat(text).timestamp() * 1000)


def when(at: float) -> str:
    """Write a time."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat()


def span(value: dict[str, Any]) -> Span:
    """Read an interval."""
    return Span(millis(value["earliest"]), millis(value["latest"]))


def left(event: dict[str, Any], spell: Spell) -> Span:
    """Return when the status before was left: a vendor's time is that of the entry into the next one."""
    occurred = span(event["occurred"])
    if event["occurred"]["basis"] == "poll_bounds":
        return occurred
    if event["duration_ms"] is None:
        return Span(spell.entered.latest, occurred.latest)
    return Span(millis(event["previous"]["since"]["latest"]) + event["duration_ms"]["min"], occurred.latest)


@dataclass
class Book:
    """What is known of one tenant."""

    length: int = 900_000  # of a quarter, in milliseconds
    spells: defaultdict[str, list[Spell]] = field(default_factory=lambda: defaultdict(list))
    told: dict[str, int] = field(default_factory=dict)  # by agent, the `tenant_sequence` of its last event
    record: dict[str, Any] | None = None  # the tenant's last
    resolutions: list[int | None] = field(default_factory=list)  # told since the last quarter was closed
    open: float | None = None  # where the first quarter begins that is not closed
    closed: list[Quarter] = field(default_factory=list)
    wrong: list[Quarter] = field(default_factory=list)  # of the closed ones

    def add(self, event: dict[str, Any]) -> None:
        """Take an event, or a row of the table: that is an agent's last event."""
        agent, current = event["agent"]["id"], event["current"]
        if event["tenant_sequence"] <= self.told.get(agent, 0):
            return  # the table had it already
        self.told[agent] = event["tenant_sequence"]
        spells, state = self.spells[agent], current["state"] if current else None
        if event["change"] == "resync":  # the same status, which is called so from now on
            since = span(current["since"]) if current["since"] else Span(-inf, millis(event["observed"]["end"]))
            spells[-1:] = [spells[-1]._replace(state=state) if spells else Spell(state, since)]
            return
        if spells:
            spells[-1] = spells[-1]._replace(left=left(event, spells[-1]))
        spells.append(Spell(state, span(event["occurred"])))
        if event["late"]:
            self.wrong = [each for each in self.closed if each.start + self.length > spells[-1].entered.earliest]

    def take(self, record: dict[str, Any]) -> None:
        """Take a record of the tenant."""
        self.record = record
        self.resolutions.append(record["resolution_ms"])

    def close(self) -> Iterator[dict[str, Any]]:
        """Yield the lines of quarters that have become complete, or were wrong."""
        while self.wrong:
            quarter = self.wrong.pop(0)
            quarter.revision += 1
            yield from self.lines(quarter)
        if self.record is None or self.record["tenant_sequence"] > max(self.told.values(), default=0):
            return  # events that it covers are still to be read
        mark = millis(self.record["complete_through"])
        if self.open is None and mark > -inf:  # the first quarter of which nothing was over before we came
            known = max((each[-1].entered.latest for each in self.spells.values()), default=mark)
            self.open = -(-max(mark, known) // self.length) * self.length
        while self.open is not None and self.open + self.length <= mark:
            seen = [each for each in self.resolutions if each is not None]
            quarter = Quarter(self.open, max(seen, default=None))
            yield from self.lines(quarter)
            self.forget(self.open - KEPT * self.length)
            self.closed.append(quarter)
            self.open += self.length
            self.resolutions = [self.record["resolution_ms"]]  # this one may speak for the next quarter, too

    def lines(self, quarter: Quarter) -> Iterator[dict[str, Any]]:
        """Yield a line for each agent that was there in a quarter."""
        end = quarter.start + self.length
        for agent, spells in self.spells.items():
            states: defaultdict[str, dict[str, float]] = defaultdict(lambda: {"min": 0, "max": 0})
            for state, entered, gone in spells:
                most = min(end, gone.latest) - max(quarter.start, entered.earliest)
                least = min(end, gone.earliest) - max(quarter.start, entered.latest)
                if state and most > 0:
                    states[state]["min"] += max(0, least)
                    states[state]["max"] += most
            if states:
                told = {"from": when(quarter.start), "to": when(end), "revision": quarter.revision}
                yield {"agent": agent, **told, "resolution_ms": quarter.resolution, "states": states}

    def forget(self, before: float) -> None:
        """Drop what no quarter needs any more."""
        self.closed = [each for each in self.closed if each.start >= before]
        for agent, spells in self.spells.items():
            self.spells[agent] = [each for each in spells if each.left.latest >= before]


def messages(consumer: Consumer, *, end: int | None = None) -> Iterator[Message]:
    """Yield messages that have a value; of so many partitions until each was read to its end, or for ever."""
    while end != 0:
        message = consumer.poll(1.0)
        if message is None:
            continue
        error = message.error()
        if error is None:
            if message.value() is not None:
                yield message
        elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its name in the library
            raise KafkaException(error)
        elif end is not None:
            end -= 1


def main(servers: str = "localhost:9092", seconds: str = "900") -> None:
    """Begin with the table, then follow events and watermarks until Ctrl-C."""
    books: defaultdict[str, Book] = defaultdict(lambda: Book(length=1000 * int(seconds)))
    settings = {"bootstrap.servers": servers, "isolation.level": "read_committed", "enable.partition.eof": True}
    consumer = Consumer({**settings, "group.id": "close-quarters", "enable.auto.commit": False})
    partitions = consumer.list_topics(EVENTS, timeout=10).topics[EVENTS].partitions
    ends = [TopicPartition(EVENTS, each) for each in partitions]
    for each in ends:
        _, each.offset = consumer.get_watermark_offsets(each, timeout=10)  # the last stable ones: read_committed
    consumer.assign([TopicPartition(TABLE, each, 0) for each in partitions])
    for message in messages(consumer, end=len(partitions)):
        value = json.loads(message.value() or b"")
        books[value["tenant"]].add(value)
    consumer.assign(ends + [TopicPartition(TENANTS, each, 0) for each in partitions])
    for message in messages(consumer):
        value = json.loads(message.value() or b"")
        book = books[value["tenant"]]
        if message.topic() == EVENTS:
            book.add(value)
        else:
            book.take(value)
        for line in book.close():
            print(json.dumps({"tenant": value["tenant"], **line}), flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
