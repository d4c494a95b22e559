"""What one poll costs: decoding, comparing, and building events, each beside the least that it could cost.

python -m benchmarks.poll [agents]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any, Final

import msgspec
import orjson

from streamer.clock import SystemClock
from streamer.config import AgentStatus8x8, LiteralSecret
from streamer.diff.absence import AbsenceRules
from streamer.diff.plan import Plan, PollRules, plan_poll
from streamer.diff.state import TenantState
from streamer.model import Snapshot, Window
from streamer.sources.documented import UnknownFields
from streamer.sources.eight_by_eight_agent_status import EightByEightAgentStatus, read_agents
from streamer.sources.eight_by_eight_realtime_payload import NOT_READ
from streamer.sources.eight_by_eight_realtime_payload import read_agents as read_statistics
from streamer.sources.http import Http

ROUNDS: Final = 15
CONFIG: Final = AgentStatus8x8(
    id="bench", base_url="http://127.0.0.1:1", username="bench", password=LiteralSecret("bench")
)
SOURCE: Final = EightByEightAgentStatus(config=CONFIG, http=Http(clock=SystemClock()), clock=SystemClock())
RULES: Final = PollRules(absence=AbsenceRules())


def answer(agents: int, *, changed: int = 0) -> bytes:
    """Return a vendor's answer; the first `changed` agents are on a call."""
    items = [
        {
            "agent-id": f"ag{number:018d}AA",
            "agent-status": 7 if number < changed else 4,
            "status-code-list-id": 801,
            "status-code-item-id": 1726,
            "name": f"Agent Number {number}",
            "agent-sub-status": "none",
        }
        for number in range(agents)
    ]
    return orjson.dumps({"data": items})


def statistics(agents: int, *, unknown: bool = False) -> bytes:
    """Return an answer of the real-time statistics with all documented fields, and one that is not in each agent."""
    counters = dict.fromkeys(sorted(NOT_READ), 12)
    more = {"mood": "happy"} if unknown else {}
    items = [
        {"agent-id": f"a{number}", "agent-status": 2, "agent-media-id": 1, "time-in-status": 17, **counters, **more}
        for number in range(agents)
    ]
    return orjson.dumps(items)


def seconds(work: Callable[[], Any]) -> float:
    """Return the median CPU time of a piece of work: what else the machine does is no matter."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return median(times)


def row(name: str, ours: float, limit: float, limit_name: str) -> None:
    """Print one figure beside its limit."""
    print(f"{name:<58}{ours * 1e3:>9.3f} ms{limit * 1e3:>10.3f} ms  x{ours / limit:<7.2f}{limit_name}")  # noqa: T201


def main(agents: int) -> None:
    """Print the table for tenants of so many agents."""
    body = answer(agents)
    fresh, memo = read_agents(body, memo={}, names=True, unknown=UnknownFields())
    known = plan(TenantState(tenant="bench"), fresh, 0).state
    same, _ = read_agents(body, memo=memo, names=True, unknown=UnknownFields())
    settled = plan(known, same, 1).state
    ten, _ = read_agents(answer(agents, changed=10), memo=memo, names=True, unknown=UnknownFields())
    parse = seconds(lambda: orjson.loads(body))
    print(f"{agents} agents; median of {ROUNDS} rounds{'ours':>36}{'limit':>13}  ratio")  # noqa: T201
    row(
        "decode an answer, nothing known",
        seconds(lambda: read_agents(body, memo={}, names=True, unknown=UnknownFields())),
        parse,
        "orjson.loads",
    )
    unchanged = seconds(lambda: read_agents(body, memo=memo, names=True, unknown=UnknownFields()))
    row("decode an answer that did not change", unchanged, parse, "orjson.loads")
    usual, strange = (read_time(statistics(agents, unknown=each)) for each in (False, True))
    row("decode statistics with a field that nobody knows", strange, usual, "the same without it")
    walk = seconds(lambda: [settled.rows.get(agent) for agent in same])
    row(
        "compare a snapshot without a change",
        seconds(lambda: plan(settled, same, 2)),
        walk,
        "one dict look-up an agent",
    )
    copy = seconds(lambda: {**settled.rows})
    row("compare and build 10 events", seconds(lambda: plan(settled, ten, 2)), walk + copy, "look-ups and a dict copy")
    built = plan(TenantState(tenant="bench"), fresh, 0)
    values = [orjson.loads(record.value or b"") for record in built.records[::2]]
    encoder = msgspec.json.Encoder()
    encode = seconds(lambda: [encoder.encode(value) for value in values])
    baseline = seconds(lambda: plan(TenantState(tenant="bench"), fresh, 0))
    row(f"build, validate and encode {agents} events", baseline, encode, "encoding alone")


def read_time(body: bytes) -> float:
    """Return how long it takes to read real-time statistics."""
    return seconds(lambda: read_statistics(body, form="json", names=True, unknown=UnknownFields()))


def plan(state: TenantState, agents: Any, number: int) -> Plan:
    """Plan a poll that was taken `number` seconds after the first."""
    start = 1_795_262_400_000 + number * 1000
    snapshot = Snapshot(tenant="bench", window=Window(start, start + 50), agents=agents)
    return plan_poll(state, snapshot, vocabulary=SOURCE, rules=RULES, now=start + 60)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
