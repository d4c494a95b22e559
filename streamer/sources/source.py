"""What a source is to the rest of the product, and how one is made."""

from __future__ import annotations

from typing import Any, Protocol

from streamer.clock import Clock
from streamer.model import AgentStatus, Millis, QueueSnapshot, Snapshot, Vocabulary
from streamer.sources.http import Http


class QueueSource(Protocol):
    """The queues of one tenant at one vendor."""

    async def snapshot(self, *, deadline: float) -> QueueSnapshot:
        """Ask for all queues; the answer must be there by `deadline`, in monotonic seconds. One call at a time.

        Raises:
            PollError: anything but all queues.

        """


class Source(Vocabulary, Protocol):
    """One tenant at one vendor: asks for snapshots and knows what the vendor's fields mean."""

    @property
    def assumed_age_ms(self) -> Millis:
        """How old the vendor's data may be when it answers, by its own document. Windows already start that earlier."""

    @property
    def queues(self) -> QueueSource | None:
        """Who asks for the queues; None where the vendor does not tell of them or the tenant does not want them."""

    async def snapshot(self) -> Snapshot:
        """Ask for all agents within the tenant's `timeout`. One call at a time.

        Raises:
            PollError: anything but a complete snapshot.

        """

    async def agent(self, agent_id: str) -> AgentStatus:
        """Ask for one agent within the tenant's `timeout`.

        Raises:
            PollError: anything but that agent's status; `not_found` if the vendor does not know it.

        """


class SourceKind(Protocol):
    """A source's class. Its constructor takes the config class that the config's own table names for it."""

    def __call__(self, *, config: Any, http: Http, clock: Clock) -> Source:
        """Make the source of one tenant."""

    def status_key_fault(self, key: str) -> str | None:
        """Say what is wrong with a key of a tenant's `status_map`, and what to write; None if it can be read."""
