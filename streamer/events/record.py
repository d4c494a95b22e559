"""A record as it lies in a topic (or in the embedded store's table of the same name): bytes, and nothing decided."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

from msgspec import Struct

Topic: TypeAlias = Literal["agent-status-changed", "agent-status", "tenant-status", "queue-status"]
"""The topics without their prefix: the events, the table of each agent's last event, the tenants, the queues."""

EVENTS: Final[Topic] = "agent-status-changed"
ROWS: Final[Topic] = "agent-status"
TENANTS: Final[Topic] = "tenant-status"
QUEUES: Final[Topic] = "queue-status"
TOPICS: Final[tuple[Topic, ...]] = get_args(Topic)
TABLES: Final[tuple[Topic, ...]] = (ROWS, TENANTS, QUEUES)
"""Those that are compacted. Together they are the stored state."""

CLAIM_KEY: Final = b"|claim"
"""Reserved key of the claim's tombstone: no tenant has an empty id, so no reader ever has such a row."""

Headers: TypeAlias = tuple[tuple[str, bytes], ...]


class Record(Struct, frozen=True, gc=False):
    """What is written: a `value` of None is a tombstone."""

    topic: Topic
    key: bytes
    value: bytes | None
    headers: Headers = ()

    @property
    def size(self) -> int:
        """Bytes of key, value and headers together."""
        return (
            len(self.key) + len(self.value or b"") + sum(len(name.encode()) + len(data) for name, data in self.headers)
        )


class Stored(Struct, frozen=True, gc=False):
    """What is read: a record and where it lies, for messages and for readers that go on from there."""

    topic: Topic
    partition: int
    offset: int
    key: bytes
    value: bytes | None
    headers: Headers = ()

    @property
    def place(self) -> str:
        """Where the record lies, for an error message: `agent-status[3]@1205`."""
        return f"{self.topic}[{self.partition}]@{self.offset}"


def agent_key(tenant: str, agent: str) -> bytes:
    """Return the key of an agent's events and of its row. A tenant id has no `|`, so the first one splits.

    An id that was read from a key that is not UTF-8 gives that very key, so that even such a row can be erased.
    """
    return f"{tenant}|{agent}".encode(errors="surrogateescape")


def queue_key(tenant: str, queue: str) -> bytes:
    """Return the key of a queue's row, made as an agent's."""
    return agent_key(tenant, queue)


def tenant_of(key: bytes) -> str:
    """Return the tenant of any key of ours: what stands before the first `|`, else the whole key.

    Raises:
        UnicodeDecodeError: the key is not UTF-8, so it is none of ours.

    """
    return key.partition(b"|")[0].decode()


def partition_of(tenant: str, partitions: int) -> int:
    """Return the partition of a tenant: `(murmur2(tenant) & 0x7fffffff) mod partitions`, as Kafka's clients hash."""
    return (murmur2(tenant.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Return Kafka's 32-bit murmur2 hash of `data`, unsigned (org.apache.kafka.common.utils.Utils.murmur2)."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    length = len(data)
    h = 0x9747B28C ^ length
    whole = length & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * m & mask
        k = (k ^ (k >> 24)) * m & mask
        h = (h * m & mask) ^ k
    if length & 3:
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ (h >> 13)) * m & mask
    return h ^ (h >> 15)
