"""The embedded store: one SQLite file, one shard, one owner. For the demo, evaluation and a machine without Kafka."""

from streamer.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
