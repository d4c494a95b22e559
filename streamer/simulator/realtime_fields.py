"""Every field of an agent and of a queue, named and ordered as in the examples of 8x8's real-time statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from streamer.simulator.ledger import OUT, Totals
from streamer.simulator.realtime_stats import IDLE, LINES, UNUSED, Standing

FIRST_GROUP, GROUPS = 108, 2
SKILLS = 2
"""Queues of each agent."""


class Queue(NamedTuple):
    """One queue of a tenant; every tenant has the same."""

    number: int
    id: int
    name: str
    media: str

    def assigned(self, standing: Standing) -> bool:
        """Whether an agent takes from this queue."""
        return (standing.ids.number - self.number) % len(QUEUES) < SKILLS

    def works(self, standing: Standing) -> bool:
        """Whether all that an agent does counts here: each agent's first queue."""
        return standing.ids.number % len(QUEUES) == self.number


QUEUES: Sequence[Queue] = (
    Queue(0, 114, "Sales", "phone"),
    Queue(1, 115, "Web Chat", "chat"),
    Queue(2, 116, "Tech Support", "vmail"),
    Queue(3, 117, "Orders", "email"),
)


def agent_fields(standing: Standing, *, at: int, skew: int) -> dict[str, Any]:
    """One agent as of `at` (ms since the epoch); the vendor's clock is `skew` ms ahead of ours."""
    day, half_hour = standing.ledger.of_day(at), standing.ledger.of_half_hour(at)
    seconds = (at - standing.entered) // 1000
    signed_in = standing.activity not in OUT
    status = standing.status
    return {
        "active-customer-chat-count": -1,
        "agent-guid": standing.ids.guid,
        "agent-id": standing.ids.login,
        "agent-media-id": standing.media,
        "agent-name": standing.name,
        "agent-status": status.code,
        "agent-sub-status": status.sub_status,
        "assigned-skill-count": SKILLS,
        "day-accepted-count": day.accepted,
        "day-available-time": day.available // 1000,
        "day-avg-processing-time": _mean(day.processing, day.accepted),
        "day-break-time": day.on_break // 1000,
        "day-login-time": day.login // 1000,
        "day-offline-time": day.offline // 1000,
        "day-processing-time": day.processing // 1000,
        "day-rejected-count": day.rejected,
        "day-wrap-up-time": day.wrap_up // 1000,
        "enabled-skill-count": SKILLS,
        "group-id": FIRST_GROUP + standing.ids.number % GROUPS,
        "idle-start-time": (standing.entered + skew) // 1000 if status.code == 0 else -1,
        "last-login-time": -1 if standing.last_login is None else (standing.last_login + skew) // 1000,
        "longest-active-customer-chat-duration": -1,
        "max-concurrent-customer-chat": 1,
        "phone-line1-status": LINES.get(standing.activity, IDLE),
        "phone-line1-status-time": seconds if signed_in else 0,
        "phone-line2-status": UNUSED,
        "phone-line2-status-time": 0,
        "status-code-item-id": status.item_id,
        "status-code-item-short-code": status.short_code,
        "status-code-list-id": status.list_id,
        "thirty-min-accepted-count": half_hour.accepted,
        "thirty-min-available-time": half_hour.available // 1000,
        "thirty-min-avg-handling-time": _mean(half_hour.processing + half_hour.wrap_up, half_hour.accepted),
        "thirty-min-break-time": half_hour.on_break // 1000,
        "thirty-min-offline-time": half_hour.offline // 1000,
        "thirty-min-processing-time": half_hour.processing // 1000,
        "thirty-min-rejected-count": half_hour.rejected,
        "thirty-min-wrap-up-time": half_hour.wrap_up // 1000,
        "time-in-status": seconds,
    }


def queue_fields(queue: Queue, standings: Sequence[Standing], *, at: int) -> dict[str, Any]:
    """One queue as of `at`. Nobody waits while an agent is free; else a third as many as are busy, since then."""
    members = [each for each in standings if queue.assigned(each)]
    codes = [each.status.code for each in members]
    own = [each for each in standings if queue.works(each)]
    day = _sum([each.ledger.of_day(at) for each in own])
    half_hour = _sum([each.ledger.of_half_hour(at) for each in own])
    busy = codes.count(1) + codes.count(2)
    size = 0 if 0 in codes else -(-busy // 3)
    longest = min(at - each.entered for each in members) // 1000 if size else 0
    return {
        "agent-count-busy": busy,
        "agent-count-loggedOut": codes.count(9),
        "agent-count-onBreak": codes.count(4),
        "agent-count-postProcess": codes.count(3),
        "agent-count-waitTransact": codes.count(0),
        "agent-count-workOffline": codes.count(5),
        "day-abandoned": day.rejected,
        "day-accepted": day.accepted,
        "day-avg-duration": _mean(day.processing, day.accepted),
        "day-avg-wait-time": longest // 2,
        "day-queued": day.accepted + day.rejected + size,
        "day-sla-activity": _percent(day),
        "assigned-agent-count": len(members),
        "enabled-agent-count": len(members),
        "longest-wait-time": longest,
        "media-type": queue.media,
        "number-in-offered": sum(each.status.code == 1 for each in own),
        "number-in-progress": sum(each.status.code in (2, 3) for each in own),
        "queue-id": queue.id,
        "queue-name": queue.name,
        "queue-size": size,
        "queue-type": queue.media,
        "sla-activity": _percent(half_hour),
        "sla-target": 0,
        "thirty-min-abandoned": half_hour.rejected,
        "thirty-min-accepted": half_hour.accepted,
        "thirty-min-avg-duration": _mean(half_hour.processing, half_hour.accepted),
        "thirty-min-avg-wait-time": longest // 2,
        "thirty-min-longest-wait-time": longest,
        "thirty-min-queued": half_hour.accepted + half_hour.rejected + size,
        "thirty-min-sla-activity": _percent(half_hour),
    }


def _mean(total_ms: int, count: int) -> int:
    return total_ms // count // 1000 if count else 0


def _percent(totals: Totals) -> int:
    """Accepted of all that were offered; -1 where there is none."""
    offered = totals.accepted + totals.rejected
    return 100 * totals.accepted // offered if offered else -1


def _sum(totals: Sequence[Totals]) -> Totals:
    return Totals(*(sum(column) for column in zip(Totals(), *totals, strict=True)))
