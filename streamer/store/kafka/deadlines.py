"""How long each step may take. aiokafka has no limits of its own where it matters: it retries for ever."""

from __future__ import annotations

from msgspec import Struct


class Deadlines(Struct, frozen=True, kw_only=True):
    """Limits in seconds. The defaults suit a cluster in one region; tests shorten them.

    `request`: one request to a broker. `commit`: a transaction, and `record` more for each record in it, since a tenant's
    first snapshot is one transaction however many agents it has; `transaction`: the broker ends one that is open for so
    long. `start`: a producer or a reader, the topics. `silence`: how long reading may come to a stop; how long it takes in
    all depends on how much there is. `close`: an orderly end, after which comes `kill`: dropping the connections.

    `session`: who sends the group no heartbeat for so long is out of it, and its shards go to others; 6 s is the least
    that brokers take by default (`group.min.session.timeout.ms`). `heartbeat`: so often one is sent, and so long it may
    take until a member hears that another came or went. `grace`: so long beyond the session shards are kept all the
    same, in case it is the cluster that is away: with the defaults it needs 9 s to notice that a broker is dead
    (`broker.session.timeout.ms`). `leave`: leaving it. `stuck`: a member that is so long in no settled group begins anew.
    `hopeless`: who begins anew for so long, although the coordinator is in order, ends the process. `metadata`: so soon a
    member sees that somebody gave a topic more partitions.
    """

    request: float = 5.0
    commit: float = 10.0
    record: float = 0.0002
    transaction: float = 60.0
    start: float = 15.0
    silence: float = 30.0
    close: float = 5.0
    kill: float = 2.0
    session: float = 6.0
    heartbeat: float = 0.3
    grace: float = 9.0
    leave: float = 0.5
    stuck: float = 30.0
    hopeless: float = 120.0
    metadata: float = 30.0

    def commit_of(self, records: int) -> float:
        """How long a transaction of so many records may take: we give it up before the broker does, never it under us."""
        return min(self.commit + records * self.record, self.transaction - self.request)

    @property
    def join(self) -> float:
        """How long the answer to a join may take: the coordinator waits for all members, for a session at the most."""
        return self.session + self.request
