"""When one tenant is polled next: its schedule, and where a cache's phase is being learnt or known, shifts of it.

A tick may be moved earlier by half an interval at most, and one that is moved later moves all that follow. So there
are never more polls than the schedule has ticks, and never two within half an interval.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from streamer.polling.aiming import aim
from streamer.polling.phase import Phase, Sighting, phase_of
from streamer.polling.schedule import Schedule


class Timetable(Struct, frozen=True):
    """The next poll of a tenant, `due` in monotonic seconds, and the `tick` of the schedule that it stands for.

    `home` is the tenant's deterministic schedule, `schedule` the one that is kept to. `phase` is None for a vendor
    without a cache.
    """

    home: Schedule
    schedule: Schedule
    tick: float
    due: float
    phase: Phase | None

    def after(self, moment: float, seen: Sighting | None) -> Timetable:
        """Return the timetable once the poll that was due is over, the next not before `moment`; `seen` is its data."""
        tick = self.schedule.next_after(max(self.tick, moment))
        if self.phase is None:
            return replace(self, tick=tick, due=tick)
        phase, half = self.phase.saw(seen), self.schedule.interval / 2
        due = aim(phase, tick=tick, earliest=max(tick - half, moment))
        if due is None:
            due = self.home.next_after(tick - half / 1000)
        schedule = replace(self.schedule, anchor=due) if due > tick else self.schedule
        return replace(self, phase=phase, schedule=schedule, tick=max(tick, due), due=due)


def make_timetable(schedule: Schedule, *, cache: float) -> Timetable:
    """Return a timetable that begins with the schedule's first tick; `cache` is the cache's period in seconds or 0."""
    phase = phase_of(period=cache, interval=schedule.interval)
    return Timetable(home=schedule, schedule=schedule, tick=schedule.first, due=schedule.first, phase=phase)
