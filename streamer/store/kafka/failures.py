"""What an error of aiokafka's means for a shard, in one word."""

from __future__ import annotations

from aiokafka.errors import (
    BrokerResponseError,
    InvalidProducerEpoch,
    KafkaConnectionError,
    KafkaTimeoutError,
    NodeNotReadyError,
    ProducerClosed,
    ProducerFenced,
    RequestTimedOutError,
    StaleMetadata,
)

from streamer.store.engine import Reason, ShardLost
from streamer.store.kafka.handshake import HandshakeError, causes, described
from streamer.store.kafka.reader import HangingTransactionError

_REASONS: tuple[tuple[Reason, tuple[type[BaseException], ...]], ...] = (
    ("killed", (ProducerClosed,)),
    ("hanging", (HangingTransactionError,)),
    ("fenced", (ProducerFenced, InvalidProducerEpoch)),
    ("timeout", (TimeoutError, KafkaTimeoutError, RequestTimedOutError)),
    ("refused", (HandshakeError,)),
    ("unreachable", (KafkaConnectionError, NodeNotReadyError, StaleMetadata, OSError)),
    ("refused", (BrokerResponseError,)),
)

_WAITING = ("timeout", "unreachable")


def reason_of(error: BaseException) -> Reason:
    """Return `killed` (by us), `hanging` (somebody's transaction), `fenced`, `timeout`, `unreachable`, `refused` (the broker said no) or `error`.

    aiokafka wraps what ended its sender in a plain `KafkaError`, so the causes count too; the first word that fits any.
    """
    chain = tuple(causes(error))
    for reason, kinds in _REASONS:
        if any(isinstance(link, kinds) for link in chain):
            return reason
    return "error"


def shard_lost(error: BaseException, doing: str, refusal: str | None) -> ShardLost:
    """Return the `ShardLost` for an error that came up while `doing` something.

    `refusal` is what a broker says that does not take us: then the error may be nothing but our waiting for it.
    """
    reason = reason_of(error)
    if refusal is not None and reason in _WAITING:
        return ShardLost("refused", refusal)
    return ShardLost(reason, f"while {doing}: {described(error)}")
