"""The store for production: events and state in one Kafka transaction, one transactional producer a shard.

Safety comes from the transactional id alone (KIP-98): whoever starts its producer last is the shard's one writer, and
what any earlier one still sends is refused by the broker.
"""

from streamer.store.kafka.deadlines import Deadlines
from streamer.store.kafka.store import KafkaStore, refuse_optimized

__all__ = ["Deadlines", "KafkaStore", "refuse_optimized"]
