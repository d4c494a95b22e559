"""Which true change each event tells.

Vendor, service and oracle share one clock and the vendor stamps whole milliseconds, rounded down as the service does,
so no tolerance is allowed anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.oracle.evidence import Event
from tests.oracle.truth import Spell


@dataclass(frozen=True)
class Told:
    """What an event may have told, as numbers of the agent's true spells.

    `seen`: had the event's status in the window observed. `entered`: of these, entered when the event says.
    `chosen`: the first of `entered` that comes after what the event before told; None where there is none.
    """

    event: Event
    seen: Sequence[int]
    entered: Sequence[int]
    chosen: int | None


def match(events: Sequence[Event], spells: Sequence[Spell]) -> Sequence[Told]:
    """Match an agent's events with its true spells, strictly forward. A resync tells what its forerunner told."""
    told: list[Told] = []
    last = -1
    for event in events:
        if event.change == "resync" and told:
            told.append(Told(event, told[-1].seen, told[-1].entered, told[-1].chosen))
            continue
        seen = [
            number
            for number, spell in enumerate(spells)
            if spell.key == event.current and spell.seen_in(event.observed)
        ]
        entered = [number for number in seen if _entered_as_told(event, spells[number])]
        chosen = next((number for number in entered if number > last), None)
        told.append(Told(event, seen, entered, chosen))
        last = last if chosen is None else chosen
    return told


def _entered_as_told(event: Event, spell: Spell) -> bool:
    within = event.occurred is None or event.occurred.holds(spell.start)
    return within and (event.since is None or event.since.holds(spell.start))
