"""When to poll a cached vendor: just after the refresh where it is known, else where a poll tells most about it.

Polls a period apart see new data each time and tell nothing. So while learning there are two kinds: one at the arc's
end, just after any refresh, and less than a period later a probe in the arc's middle, which halves it. A narrow arc
is checked in the same way by a probe just before it, which must see the same data still.
"""

from __future__ import annotations

from streamer.polling.arc import next_time
from streamer.polling.phase import CONFIRMING, SLACK, Phase


def aim(phase: Phase, *, tick: float, earliest: float) -> float | None:
    """Return when to poll instead of at `tick`, from `earliest` to an interval after it; None: as if not learning.

    What comes early has to be waited for: a poll that a probe is to follow comes not before its tick.
    """
    if phase.rest or phase.last is None:
        return None
    target, slack = _target(phase), phase.period * SLACK
    wanted = None if target is None else _probe(phase, target, earliest)
    if wanted is None and phase.arc is not None:
        after = earliest if target is None else max(earliest, tick - slack)
        wanted = next_time(phase.arc.end + slack, after=after, period=phase.period)
    latest = tick + phase.interval / (2 if target is None else 1)
    return tick if wanted is None or wanted >= latest else wanted


def _target(phase: Phase) -> float | None:
    """Return where in the period a poll would tell something; None: there is nothing to learn for now."""
    if phase.last is None:
        return None
    if phase.arc is None:
        return phase.last.received + phase.period / 2
    round_trip = phase.last.received - phase.last.sent
    if not phase.narrow:
        return phase.arc.middle - round_trip / 2
    # answered before the arc, so that new data contradict it
    return phase.arc.start - 2 * phase.period * SLACK - 1.5 * round_trip if phase.check_due else None


def _probe(phase: Phase, target: float, earliest: float) -> float | None:
    """Return when a poll at the target would tell something after what was seen last; None if it would not."""
    if phase.first is None or phase.last is None:
        return None
    moment = next_time(target, after=earliest, period=phase.period)
    if phase.arc is not None and phase.narrow:
        unseen = phase.first.received + phase.period - moment  # what remains of a period, if the data is the same
        return moment if phase.arc.length < unseen < phase.period * (CONFIRMING - 2 * SLACK) else None
    if phase.arc is not None and phase.arc.holds(phase.last.sent, period=phase.period):
        return None  # two parts of the arc would be left
    # answered within a period, so that new data tell something
    latest = 2 * phase.last.sent - phase.last.received + phase.period * (1 - 2 * SLACK)
    if moment >= latest and (phase.arc is None or phase.arc.holds(earliest, period=phase.period)):
        moment = earliest  # the middle is out of reach; it need not be halves
    return moment if moment < latest else None
