"""The one place that makes aiokafka's clients. aiokafka has no types: what of it is used is declared here.

None of them knows how to log in: their connections are made by the cluster's `Connector`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from streamer.clock import Clock, SystemClock
from streamer.store.kafka.connector import Connector
from streamer.store.kafka.schema_ids import SchemaIds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor

    from streamer.config import KafkaConfig
    from streamer.events.record import Topic
    from streamer.store.kafka.deadlines import Deadlines

BATCH_BYTES: Final = 256 * 1024
"""Largest batch of a partition in one request. With aiokafka's 16 KiB a first snapshot of 5,000 agents takes 196 requests."""

_PIECE: Final = 500
_LEAST: Final = 20
"""Records that are read in one turn of the event loop, some 3 ms; of many shards that are restored at once each gets
its part of that, but not less than is worth a turn."""

_REQUEST_BYTES: Final = 1_000_000
_FETCH_BYTES: Final = 4 * 1024 * 1024
_IDLE_MS: Final = 240_000  # load balancers drop idle connections silently after 350 s; aiokafka sends no keep-alive
_IDLE_TURN_MS: Final = 1000  # how often the part of a consumer that fetches looks whether there is anything to fetch


class Ack(Protocol):
    """Where a record was written and when: in ms, by the broker's clock if `timestamp_type` is 1 (LogAppendTime)."""

    topic: str
    offset: int
    timestamp: int
    timestamp_type: int


class Message(Protocol):
    """A record as aiokafka reads it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Consumer(Protocol):
    """What the store uses of `aiokafka.AIOKafkaConsumer`."""

    async def start(self) -> None: ...  # noqa: D102
    async def stop(self) -> None: ...  # noqa: D102
    def assign(self, partitions: Sequence[TopicPartition]) -> None: ...  # noqa: D102
    async def seek_to_beginning(self, *partitions: TopicPartition) -> bool: ...  # noqa: D102
    async def seek_to_end(self, *partitions: TopicPartition) -> bool: ...  # noqa: D102
    async def position(self, partition: TopicPartition) -> int: ...  # noqa: D102
    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]: ...  # noqa: D102
    async def getmany(  # noqa: D102
        self, *, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[Message]]: ...


class Clients:
    """Makes the clients of one cluster, each new and not yet started, and names what they talk about.

    `schema_ids` is what they have in common with a schema registry.

    `restoring` counts the shards that are being restored.
    """

    def __init__(self, *, config: KafkaConfig, deadlines: Deadlines, clock: Clock | None = None) -> None:
        self.config = config
        self.deadlines = deadlines
        self.restoring = 0
        self.connector = Connector(config=config, clock=clock or SystemClock())
        self.schema_ids = SchemaIds(config=config)

    @property
    def servers(self) -> str:
        """The servers as one text, for messages and for the command lines in them."""
        return ",".join(self.config.bootstrap_servers)

    @property
    def piece(self) -> int:
        """How many records may be read in one go without holding up the event loop."""
        return max(_LEAST, _PIECE // max(1, self.restoring))

    def name(self, topic: Topic) -> str:
        """Return the topic's name in the cluster."""
        return f"{self.config.topic_prefix}{topic}"

    def place(self, topic: Topic, partition: int) -> TopicPartition:
        """Return a partition as aiokafka wants it."""
        return TopicPartition(self.name(topic), partition)

    def producer(self, shard: int) -> Any:
        """Return the transactional producer of a shard.

        I1: the transactional id is named after what it protects, whatever process or consumer group asks for it.
        zstd made a poll's records five times smaller at the least and was faster than lz4 beyond some 20 records.
        """
        producer = AIOKafkaProducer(
            **self._common("shard", shard),
            transactional_id=f"{self.config.topic_prefix}agent-status-{shard}",
            transaction_timeout_ms=_ms(self.deadlines.transaction),
            max_batch_size=BATCH_BYTES,
            max_request_size=_REQUEST_BYTES,
            compression_type="zstd",
            linger_ms=0,
        )
        self.connector.equip(producer.client)
        return producer

    def consumer(self, *, lost_position: str) -> Consumer:
        """Return a reader of committed records, without a group.

        `lost_position` says what to do when records were deleted before they were read: `none` raises, `earliest` goes
        on with the oldest there are. (aiokafka's default would silently skip all there is.)
        """
        consumer = AIOKafkaConsumer(
            **self._common("reader"),
            group_id=None,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset=lost_position,
            check_crcs=True,
            fetch_max_wait_ms=100,
            max_partition_fetch_bytes=_FETCH_BYTES,
        )
        self.connector.equip(consumer._client)  # noqa: SLF001
        reader: Consumer = consumer
        return reader

    def member(self, assignor: type[AbstractPartitionAssignor]) -> Any:
        """Return a member of the group, for placement only: it commits no offsets, and its partitions are paused.

        Exactly one assignor: with two, each join is sent twice. No static membership: heartbeats don't carry its id, so
        two processes with the same one would steal the group from each other, and a clean stop would not leave it.
        """
        deadlines = self.deadlines
        consumer = AIOKafkaConsumer(
            **self._common("member"),
            group_id=self.config.group_id,
            partition_assignment_strategy=(assignor,),
            session_timeout_ms=_ms(deadlines.session),
            rebalance_timeout_ms=_ms(deadlines.session),
            heartbeat_interval_ms=_ms(deadlines.heartbeat),
            metadata_max_age_ms=_ms(deadlines.metadata),
            consumer_timeout_ms=_IDLE_TURN_MS,
            enable_auto_commit=False,
            auto_offset_reset="latest",
        )
        self.connector.equip(consumer._client)  # noqa: SLF001
        return consumer

    def admin(self) -> Any:
        """Return a client that creates and describes topics."""
        admin = AIOKafkaAdminClient(**self._common("admin"))
        self.connector.equip(admin._client)  # noqa: SLF001
        return admin

    def _common(self, *role: object) -> dict[str, Any]:
        return {
            "client_id": "-".join(("streamer", *map(str, role))),
            "bootstrap_servers": list(self.config.bootstrap_servers),
            "request_timeout_ms": _ms(self.deadlines.request),
            "retry_backoff_ms": 100,
            "connections_max_idle_ms": _IDLE_MS,
        }


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
