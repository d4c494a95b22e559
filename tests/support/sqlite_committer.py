"""A process that owns an embedded store and commits without pause, to be killed. It tells what was confirmed.

    python -m tests.support.sqlite_committer DATABASE TENANT

Each line on stdout is the tenant's sequence after a confirmed commit; the first one is what was restored.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from streamer.clock import SystemClock
from streamer.store.sqlite import SqliteStore
from tests.support.narrator import Narrator

AGENTS = ("a", "b", "c")
"""Each transaction holds one event of each of them."""

RETENTION = 7 * 86_400_000


async def main(database: Path, tenant: str) -> None:
    """Commit for ever."""
    store = SqliteStore(path=database, retention=RETENTION, clock=SystemClock())
    await store.start()
    shard = await store.take_over(0, lambda: True)
    story = Narrator(shard.state(tenant))
    while True:
        sys.stdout.write(f"{story.state.sequence}\n")
        sys.stdout.flush()
        await shard.commit(story.tell(*AGENTS, padding=4000))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
