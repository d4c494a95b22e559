"""How two statuses differ, for sources whose status is one thing with one time of entry."""

from __future__ import annotations

from collections.abc import Hashable

from streamer.model import AgentStatus, Interval, Transition


def plain_transition(before: Hashable, since: Interval | None, status: AgentStatus) -> Transition:
    """Compare the significant part of a stored status with a snapshot's.

    The same status entered later, by disjoint intervals, was left and entered again unseen: a larger number alone is no
    newer time, and a smaller one no older view.
    """
    same = before == status.significant
    entered = status.entered
    if entered is None or since is None:
        return Transition(same=same, entered=entered)
    again = same and entered.earliest > since.latest
    return Transition(same=same, entered=entered, missed=int(again), older=entered.latest < since.earliest)
