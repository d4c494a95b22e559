"""The topics: created with their settings when missing, checked when present, never altered.

Altering is left to the operator: the only request for it that aiokafka knows replaces all settings of a topic.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from streamer.events.encode import RECORD_LIMIT
from streamer.events.record import EVENTS, TOPICS
from streamer.store.engine import StoreError
from streamer.store.kafka.admin import Wanted, administering
from streamer.store.kafka.client import BATCH_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamer.events.record import Topic
    from streamer.model import Millis
    from streamer.store.kafka.admin import Found
    from streamer.store.kafka.client import Clients

_HOUR: Final[Millis] = 3_600_000
_DAY: Final[Millis] = 24 * _HOUR

_PAUSE: Final = 0.1

CHECKED: Final = {
    "cleanup.policy",
    "message.timestamp.type",
    "max.message.bytes",
    "min.insync.replicas",
    "retention.ms",
}

_TABLE: Final = {
    "cleanup.policy": "compact",
    # The active segment is never compacted: small and short ones bound what a take-over has to read.
    "segment.bytes": str(16 * 1024 * 1024),
    "segment.ms": str(_HOUR),
    "min.cleanable.dirty.ratio": "0.1",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": str(6 * _HOUR),
    # A consumer that is away for longer may miss a deletion, and must build its table anew.
    "delete.retention.ms": str(7 * _DAY),
}


_LARGEST: Final = max(BATCH_BYTES, RECORD_LIMIT)
"""What a topic must accept: a batch of ours, and any single record."""


async def ensure_topics(clients: Clients, *, retention: Millis) -> None:
    """Make the topics that are missing and check them all; nothing else must name them before.

    Raises:
        StoreError: one is not as it must be, or can't be made; the message says what to do.
        TimeoutError: new topics did not become ready in time.
        aiokafka.errors.KafkaError: the cluster can't be reached.

    """
    names = {topic: clients.name(topic) for topic in TOPICS}
    config = clients.config
    async with asyncio.timeout(clients.deadlines.start), administering(clients) as admin:
        found = await admin.find(names.values(), CHECKED)
        if missing := [topic for topic, name in names.items() if name not in found]:
            replicas = config.replication_factor
            await admin.create(
                Wanted(names[topic], config.partitions, replicas, wanted(topic, replicas=replicas, retention=retention))
                for topic in missing
            )
        while len(found) < len(names):
            await asyncio.sleep(_PAUSE)
            await admin.check_visible(names.values() - found.keys())
            found = await admin.find(names.values(), CHECKED)
    wrong = [
        complaint
        for topic, name in names.items()
        for complaint in complaints(topic, found[name], clients=clients, retention=retention)
    ]
    if wrong:
        raise StoreError("\n".join(wrong))


def wanted(topic: Topic, *, replicas: int, retention: Millis) -> dict[str, str]:
    """Return the settings that a topic is created with; events are kept for `retention`."""
    common = {
        # Our host's clock must not decide what the broker accepts: since KIP-1030 it refuses times an hour ahead.
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(1024 * 1024 + 12),
        "min.insync.replicas": str(max(1, replicas - 1)),
        "unclean.leader.election.enable": "false",
    }
    if topic != EVENTS:
        return common | _TABLE
    # A segment is deleted whole: a record lives for `retention` and for as long as its segment took to fill.
    return common | {
        "cleanup.policy": "delete",
        "retention.ms": str(retention),
        "segment.ms": str(min(_DAY, retention)),
    }


def complaints(topic: Topic, found: Found, *, clients: Clients, retention: Millis) -> Iterator[str]:
    """Yield what is wrong with a topic and what to do about it, one sentence each."""
    config = clients.config
    if complaint := frozen(topic, found.partitions, clients=clients):
        yield complaint
    if found.replicas < config.replication_factor:
        yield (
            f"topic {found.name} has replication factor {found.replicas}, but kafka.replication_factor is "
            f"{config.replication_factor}: raise it with kafka-reassign-partitions, or set kafka.replication_factor "
            f"to {found.replicas}"
        )
    right = wanted(topic, replicas=found.replicas, retention=retention)
    for setting in sorted(CHECKED & right.keys()):
        value = found.settings.get(setting, "unknown")
        if not _fits(setting, value, right[setting], replicas=found.replicas):
            yield (
                f"topic {found.name}: {setting} is {value}, wanted {right[setting]}. Change it with: kafka-configs "
                f"--bootstrap-server {clients.servers} --alter --entity-type topics --entity-name {found.name} "
                f"--add-config {setting}={right[setting]}"
            )


def frozen(topic: Topic, found: int, *, clients: Clients) -> str | None:
    """Return what to do about a topic that was found to have so many partitions; None if they are right."""
    wanted = clients.config.partitions
    if found == wanted:
        return None
    return (
        f"topic {clients.name(topic)} has {found} partitions, but kafka.partitions is {wanted}: the number is frozen. "
        f"If the config is wrong, set kafka.partitions to {found}; if somebody added partitions, start anew under another "
        "topic_prefix, as docs/kafka.md says"
    )


def _fits(setting: str, value: str, wanted: str, *, replicas: int) -> bool:
    if setting == "max.message.bytes":
        return value.isdecimal() and int(value) >= _LARGEST
    if setting == "min.insync.replicas":
        return value.isdecimal() and int(wanted) <= int(value) <= replicas
    return value == wanted
