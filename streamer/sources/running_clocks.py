"""Clocks that stand still tell of a vendor that answers with old data."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final

from streamer.model import AgentStatus


class RunningClocks:
    """Follows one clock of each agent, the published field `field`, from answer to answer.

    Clocks of agents whose status has changed say nothing. Those of agents with a code in `unsure` count only once one
    of them was seen running, because the vendor's document does not say that they run.
    """

    def __init__(self, *, field: str, unsure: frozenset[int]) -> None:
        """Begin without having seen an answer."""
        self._field: Final = field
        self._unsure = unsure
        self._agents: Mapping[str, AgentStatus] = {}
        self._moved = 0.0

    @property
    def version(self) -> Hashable | None:
        """Return what tells the data seen last from that of another refresh; None where no clock is known to run."""
        shown = (
            (agent, status.vendor["code"], status.vendor.get(self._field)) for agent, status in self._agents.items()
        )
        running = frozenset(each for each in shown if each[1] not in self._unsure and each[2] is not None)
        return hash(running) if running else None

    def standing(self, agents: Mapping[str, AgentStatus], *, asked: float, answered: float) -> float:
        """Take the next answer; return for how many seconds at least no clock has moved, 0 if one has.

        `asked` and `answered` are monotonic seconds. The data of this answer is that old at least: the answer that
        showed the clocks first had come in by then.
        """
        stood = moved = False
        for agent, status in agents.items():
            before = self._agents.get(agent)
            now = status.vendor.get(self._field)
            if before is None or now is None or before.significant != status.significant:
                continue
            code = status.vendor["code"]
            if now != before.vendor.get(self._field):
                moved = True
                self._unsure -= {code}
            elif code not in self._unsure:
                stood = True
        self._agents = agents
        if moved or not stood:
            self._moved = answered
            return 0.0
        return asked - self._moved
