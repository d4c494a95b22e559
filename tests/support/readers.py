"""Reading what was published with clients that nobody here wrote: confluent-kafka, kcat and SQLite."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import msgspec
from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from tests.oracle import Message

EVENTS, ROWS, TENANTS, QUEUES = TOPICS = ("agent-status-changed", "agent-status", "tenant-status", "queue-status")
QUIET = {"log_level": 0}
HISTORY = "history"

_KEEP_HISTORY = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS history (offset INTEGER PRIMARY KEY, key BLOB, value BLOB, headers BLOB);
CREATE TRIGGER IF NOT EXISTS keep AFTER INSERT ON "tenant-status" BEGIN
    INSERT INTO history VALUES (new.offset, new.key, new.value, new.headers);
END;
INSERT OR IGNORE INTO history SELECT offset, key, value, headers FROM "tenant-status";
COMMIT;
"""
READ_WITHIN = 90.0
SETTLED_WITHIN = 20.0
"""Longer than the service's transactions may take; a killed one's is ended by whoever takes over."""


class Reader(Protocol):
    """Where a store's records can be read by others."""

    def read(self, topic: str) -> list[Message]:
        """Return all committed records of a topic, by partition and offset."""

    def follow(self, topic: str) -> Follower:
        """Start reading a topic while it is written."""

    def keep_history(self) -> None:
        """See to it that from now on every record on `tenant-status` can be read, not only each tenant's last."""


class ReadError(Exception):
    """What was read cannot be: says what and where."""


@dataclass(frozen=True)
class KafkaReader:
    """Reads the topics of one prefix, committed transactions alone."""

    bootstrap: str
    prefix: str

    def read(self, topic: str) -> list[Message]:
        """Read a topic to its end with confluent-kafka.

        Raises:
            ReadError: a transaction hangs: the last stable offset does not reach the end.

        """
        self.check_that_nothing_hangs(topic)
        with closing(self._consumer()) as consumer:
            partitions = self._partitions(topic)
            consumer.assign(partitions)
            left = {partition.partition for partition in partitions}
            messages, deadline = [], time.monotonic() + READ_WITHIN
            while left:
                if time.monotonic() > deadline:
                    raise ReadError(f"{topic}: partitions {left} not read to their ends within {READ_WITHIN:.0f} s")
                for got in consumer.consume(500, timeout=0.1):
                    error = got.error()
                    if error is None:
                        messages.append(_message(topic, got))
                    elif error.code() == KafkaError._PARTITION_EOF:
                        left.discard(got.partition())
                    else:
                        raise KafkaException(error)
        return sorted(messages, key=lambda message: (message.partition, message.offset))

    def read_with_kcat(self, topic: str) -> list[Message]:
        """Read a topic to its end with kcat."""
        kcat = shutil.which("kcat")
        if kcat is None:
            raise ReadError("no kcat on the PATH: install it (Debian, Ubuntu: apt-get install kcat)")
        command = [kcat, "-C", "-J", "-e", "-q", "-b", self.bootstrap, "-t", self.prefix + topic, "-o", "beginning"]
        command += ["-X", "isolation.level=read_committed"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=READ_WITHIN, check=False)
        if done.returncode:
            raise ReadError(f"kcat could not read {topic}: {done.stderr}")
        messages = [_from_kcat(topic, json.loads(line)) for line in done.stdout.splitlines()]
        return sorted(messages, key=lambda message: (message.partition, message.offset))

    def follow(self, topic: str) -> Follower:
        """Read a topic while it is written, from its beginning; brokers may come and go meanwhile."""
        consumer = self._consumer()
        consumer.assign(self._partitions(topic))

        def more() -> list[Message]:
            return [_message(topic, got) for got in consumer.consume(500, timeout=0.2) if got.error() is None]

        return Follower(more, consumer.close)

    def keep_history(self) -> None:
        """Kafka compacts only what is older than a test."""

    def _consumer(self) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": f"{self.prefix}reader",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                **QUIET,
            }
        )

    def _partitions(self, topic: str) -> list[TopicPartition]:
        metadata = self._admin().list_topics(self.prefix + topic, timeout=READ_WITHIN).topics[self.prefix + topic]
        if metadata.error is not None:
            raise KafkaException(metadata.error)
        return [TopicPartition(self.prefix + topic, number, 0) for number in metadata.partitions]

    def check_that_nothing_hangs(self, topic: str) -> None:
        """Check that a topic's last stable offsets are its ends; while it is written they are not, for a moment.

        Raises:
            ReadError: some are not, for longer than any transaction of the service may take.

        """
        deadline = time.monotonic() + SETTLED_WITHIN
        while hanging := self.hanging(topic):
            if time.monotonic() > deadline:
                raise ReadError(f"{topic}: a transaction hangs; partitions, stable up to, and end: {hanging}")
            time.sleep(0.05)

    def hanging(self, topic: str) -> list[tuple[int, int, int]]:
        """Return the partitions in which a transaction is open, each with its last stable offset and its end."""
        admin, partitions = self._admin(), self._partitions(topic)
        latest = {partition: OffsetSpec.latest() for partition in partitions}  # type: ignore[no-untyped-call]
        stable, end = (
            {place: told.result(READ_WITHIN).offset for place, told in asked.items()}
            for asked in (
                admin.list_offsets(latest, isolation_level=IsolationLevel.READ_COMMITTED),
                admin.list_offsets(latest, isolation_level=IsolationLevel.READ_UNCOMMITTED),
            )
        )
        return [(place.partition, stable[place], end[place]) for place in partitions if stable[place] < end[place]]

    def _admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap, **QUIET})


@dataclass(frozen=True)
class SqliteReader:
    """Reads the embedded store's file beside its owner."""

    path: Path

    def read(self, topic: str) -> list[Message]:
        """Read a topic's table as it is now; `tenant-status` with the history that was kept."""
        return self._after(HISTORY if topic == TENANTS else topic, 0)

    def follow(self, topic: str) -> Follower:
        """Read a topic while it is written."""
        last = 0

        def more() -> list[Message]:
            nonlocal last
            time.sleep(0.05)
            found = self._after(topic, last) if self.path.exists() else []
            last = found[-1].offset if found else last
            return found

        return Follower(more, lambda: None)

    def keep_history(self) -> None:
        """Put a trigger into the file, unknown to its owner, that copies each record within the owner's transaction."""
        with closing(sqlite3.connect(self.path, timeout=10)) as connection:
            connection.executescript(_KEEP_HISTORY)

    def _after(self, topic: str, offset: int) -> list[Message]:
        query = f'SELECT offset, key, value, headers FROM "{topic}" WHERE offset > ? ORDER BY offset'  # noqa: S608
        with closing(sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            rows = connection.execute(query, (offset,)).fetchall()
        name = TENANTS if topic == HISTORY else topic
        return [Message(name, 0, at, key, value, _headers(headers)) for at, key, value, headers in rows]


class Follower:
    """A thread that reads while others write."""

    def __init__(self, more: Callable[[], Sequence[Message]], close: Callable[[], None]) -> None:
        """Take what waits a moment and returns what has come, and what to do in the end."""
        self._more = more
        self._close = close
        self._messages: list[Message] = []
        self._done = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, whatever was read."""
        self._done.set()
        self._thread.join(READ_WITHIN)

    def finish(self, count: int) -> list[Message]:
        """Read on until so many records are there (or it takes too long) and a moment longer; return them all."""
        deadline = time.monotonic() + READ_WITHIN
        while len(self._messages) < count and time.monotonic() < deadline and self._failure is None:
            time.sleep(0.05)
        time.sleep(0.5)  # what should not be there would come now
        self.__exit__()
        if self._failure is not None:
            raise self._failure
        return self._messages

    def _run(self) -> None:
        try:
            while not self._done.is_set():
                self._messages.extend(self._more())
        except Exception as error:  # noqa: BLE001 - told to whoever asks for the records
            self._failure = error
        finally:
            self._close()


def _message(topic: str, got: Any) -> Message:
    headers = tuple((name, value) for name, value in got.headers() or ())
    return Message(topic, got.partition(), got.offset(), got.key(), got.value(), headers)


def _from_kcat(topic: str, line: Mapping[str, Any]) -> Message:
    """Read a line of `kcat -J`: headers come as one list of names and values in turn."""
    flat: Sequence[str] = line.get("headers") or ()
    headers = tuple((name, value.encode()) for name, value in zip(flat[::2], flat[1::2], strict=True))
    payload = line["payload"]
    value = None if payload is None else payload.encode()
    return Message(topic, line["partition"], line["offset"], line["key"].encode(), value, headers)


def _headers(data: bytes) -> tuple[tuple[str, bytes], ...]:
    pairs: Iterable[tuple[str, bytes]] = msgspec.msgpack.decode(data)
    return tuple((name, value) for name, value in pairs)
