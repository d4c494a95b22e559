"""The one place that owns durable state: shards, what they are written through, and the two stores behind them."""

from streamer.store.engine import Committed, Engine, ShardLost, StoreError
from streamer.store.factory import open_store
from streamer.store.shard import Shard, Update
from streamer.store.store import Store

__all__ = ["Committed", "Engine", "Shard", "ShardLost", "Store", "StoreError", "Update", "open_store"]
