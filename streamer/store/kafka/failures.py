"""What an error of aiokafka's means for a shard, in one word."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

from streamer.store.engine import ShardLost
from streamer.store.kafka.reader import HangingTransactionError

if TYPE_CHECKING:
    from collections.abc import Iterator

_REASONS = (
    ("killed", (ProducerClosed,)),
    ("hanging", (HangingTransactionError,)),
    ("fenced", (ProducerFenced, InvalidProducerEpoch)),
    ("timeout", (TimeoutError, KafkaTimeoutError, RequestTimedOutError)),
    ("unreachable", (KafkaConnectionError, NodeNotReadyError, StaleMetadata, OSError)),
    ("refused", (BrokerResponseError,)),
)


def reason_of(error: BaseException) -> str:
    """Return `killed` (by us), `hanging` (somebody's transaction), `fenced`, `timeout`, `unreachable`, `refused` (the broker said no) or `error`.

    aiokafka wraps what ended its sender in a plain `KafkaError`, so the causes count too; the first word that fits any.
    """
    chain = tuple(_causes(error))
    for reason, kinds in _REASONS:
        if any(isinstance(link, kinds) for link in chain):
            return reason
    return "error"


def shard_lost(error: BaseException, doing: str) -> ShardLost:
    """Return the `ShardLost` for an error that came up while `doing` something."""
    return ShardLost(reason_of(error), f"while {doing}: {described(error)}")


def described(error: BaseException) -> str:
    """Return the error and its causes on one line. None of aiokafka's messages holds a key or a value."""
    return " <- ".join(f"{type(link).__name__}: {link}".rstrip(": ") for link in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
