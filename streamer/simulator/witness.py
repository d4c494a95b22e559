"""What each vendor showed, told from the record of what truly happened: for whoever judges the product's events.

Pure; nothing of the running simulation is needed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from streamer.simulator import eight_by_eight, google, realtime_stats, vonage
from streamer.simulator.activity import State
from streamer.simulator.identity import Ids

Story = Sequence[tuple[int, State | None]]
"""What an agent did from when on (ms since the epoch); null: not listed."""
Shown = list[tuple[int, dict[str, Any] | None]]
"""The fields that are the status, from when on; null: not listed. Neighbours may be equal: nothing to be seen."""


def told_by(lines: Iterable[Mapping[str, Any]], source: str) -> dict[tuple[str, str], Shown]:
    """What the vendor API of a `source` showed, by tenant and by the vendor's agent id as the product publishes it.

    `lines` are those of the record. Raises `KeyError` for an unknown source.
    """
    name, tell = IDS[source], TELLERS[source]
    return {(tenant, name(ids)): tell(ids, story) for tenant, ids, story in _stories(lines)}


def _stories(lines: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, Ids, Story]]:
    known: dict[tuple[str, str], Ids] = {}
    stories: defaultdict[tuple[str, str], list[tuple[int, State | None]]] = defaultdict(list)
    for line in lines:
        if "agent" in line:
            agent = line["tenant"], line["agent"]
            if "ids" in line:
                known[agent] = msgspec.convert(line["ids"], Ids)
            stories[agent].append((line["at"], state_in(line)))
    return ((tenant, known[tenant, agent], story) for (tenant, agent), story in stories.items())


def state_in(line: Mapping[str, Any]) -> State | None:
    """What the agent of a line does from then on; null: not listed."""
    if not line["present"]:
        return None
    return eight_by_eight.state_of(msgspec.convert(line["status"], eight_by_eight.Status))


def _by_itself(shown: Callable[[State], dict[str, Any]]) -> Callable[[Ids, Story], Shown]:
    def tell(_ids: Ids, story: Story) -> Shown:
        return [(at, None if state is None else shown(state)) for at, state in story]

    return tell


def _by_what_went_before(ids: Ids, story: Story) -> Shown:
    views: Shown = []
    view: vonage.View | None = None
    for at, state in story:
        view = None if state is None else vonage.follow(view, vonage.Step(ids, at, state))
        views.append((at, None if view is None else vonage.shown(view)))
    return views


TELLERS: Mapping[str, Callable[[Ids, Story], Shown]] = {
    "8x8-agent-status": _by_itself(eight_by_eight.shown),
    "8x8-realtime-stats": _by_itself(realtime_stats.shown),
    "vonage-agent-status": _by_what_went_before,
    "google-ccaip": _by_itself(google.shown),
}

IDS: Mapping[str, Callable[[Ids], str]] = {
    "8x8-agent-status": lambda ids: ids.agent,
    "8x8-realtime-stats": lambda ids: ids.guid,
    "vonage-agent-status": lambda ids: ids.vonage,
    "google-ccaip": lambda ids: str(ids.google),
}
"""The id that the product knows an agent by."""
