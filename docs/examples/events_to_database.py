"""Every change once, in a database of yours: python events_to_database.py [BOOTSTRAP_SERVERS [DATABASE]].

Needs aiokafka. The offsets are committed after the rows are, so some events come again after a crash; the database knows
their `ce_id` and keeps one of each.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer

TABLE = """
CREATE TABLE IF NOT EXISTS changes (
    ce_id TEXT PRIMARY KEY, tenant TEXT, agent TEXT, sequence INTEGER, change TEXT,
    state TEXT, earliest TEXT, latest TEXT, late INTEGER, value TEXT
)
"""
INSERT = "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (ce_id) DO NOTHING"


def row(message: Any) -> tuple[Any, ...]:
    """Return what is kept of an event."""
    headers, event = dict(message.headers), json.loads(message.value)
    current, occurred = event["current"] or {}, event["occurred"] or {}
    return (
        headers["ce_id"].decode(),
        event["tenant"],
        event["agent"]["id"],
        event["sequence"],
        event["change"],
        current.get("state"),  # null: the agent has disappeared
        occurred.get("earliest"),  # null: a baseline, or a resync
        occurred.get("latest"),
        event["late"],
        message.value.decode(),
    )


async def main(servers: str = "localhost:9092", path: str = "changes.db") -> None:
    """Follow the events until Ctrl-C."""
    database = sqlite3.connect(path)
    database.execute(TABLE)
    consumer = AIOKafkaConsumer(
        "agent-status-changed",
        bootstrap_servers=servers,
        group_id="events-to-database",
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        while True:
            batches = await consumer.getmany(timeout_ms=1000)
            rows = [row(message) for messages in batches.values() for message in messages]
            if rows:
                with database:
                    new = database.executemany(INSERT, rows).rowcount
                await consumer.commit()
                print(f"{new} new, {len(rows) - new} known", flush=True)
    finally:
        await consumer.stop()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
