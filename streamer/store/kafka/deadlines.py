"""How long each step may take. aiokafka has no limits of its own where it matters: it retries for ever."""

from __future__ import annotations

from msgspec import Struct


class Deadlines(Struct, frozen=True, kw_only=True):
    """Limits in seconds. The defaults suit a cluster in one region; tests shorten them.

    `request`: one request to a broker. `commit`: a whole transaction. `start`: a producer or a reader, the topics.
    `silence`: how long reading may come to a stop; how long it takes in all depends on how much there is. `close`: an orderly end, after which comes `kill`: dropping the connections.
    """

    request: float = 5.0
    commit: float = 10.0
    start: float = 15.0
    silence: float = 30.0
    close: float = 5.0
    kill: float = 2.0

    @property
    def transaction(self) -> float:
        """When the broker ends a transaction by itself: later than we give it up, so that it is never ended under us."""
        return self.commit + self.request
