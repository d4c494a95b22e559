"""Short ways to the values that flow, for tests of the pure parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
import orjson

from streamer.diff.absence import AbsenceRules
from streamer.diff.plan import Plan, PollRules, plan_poll
from streamer.diff.state import TenantState
from streamer.diff.transition import plain_transition
from streamer.events.record import EVENTS, ROWS, TENANTS, Record, Stored
from streamer.model import AgentStatus, Basis, Interval, Meaning, Snapshot, State, Transition, Unmapped, Window
from streamer.store.restore import restore

NOON: Final = 1_795_262_400_000
"""A moment in the clock of the tests: 2026-11-21T12:00:00Z."""

LABELS: Final[Mapping[int, State]] = {1: "logged_out", 3: "not_ready", 4: "ready", 9: "busy"}


class Codes:
    """A vocabulary of bare codes: code 99 is one that no mapping knows."""

    name = "codes"

    def transition(self, before: Mapping[str, Any], since: Interval | None, status: AgentStatus) -> Transition:
        """Only the code decides."""
        return plain_transition(before.get("code"), since, status)

    def interpret(self, vendor: Mapping[str, Any]) -> Meaning:
        """Look the code up."""
        state = LABELS.get(vendor.get("code", -1))
        return (
            Meaning("unknown", unmapped=(Unmapped("code", f"{vendor.get('code')}"),))
            if state is None
            else Meaning(state)
        )


CODES: Final = Codes()


def status(
    agent: str, code: int, entered: tuple[int, int] | None = None, *, name: str | None = None, **vendor: object
) -> AgentStatus:
    """Return a status; `entered` counts from noon."""
    basis: Basis = "poll_bounds" if entered is None else "vendor_since"
    return AgentStatus(
        agent=agent,
        name=name,
        vendor={"code": code, "label": f"code {code}", **vendor},
        significant=code,
        entered=None if entered is None else Interval(NOON + entered[0], NOON + entered[1]),
        basis=basis,
    )


def snapshot(start: int, end: int, *statuses: AgentStatus) -> Snapshot:
    """Return a snapshot with a window that counts from noon, in milliseconds."""
    return Snapshot(tenant="acme", window=window(start, end), agents={each.agent: each for each in statuses})


def window(start: int, end: int) -> Window:
    """Return a window that counts from noon."""
    return Window(start=NOON + start, end=NOON + end)


def poll(state: TenantState, taken: Snapshot, rules: AbsenceRules | None = None, **more: Any) -> Plan:
    """Return the plan of one poll, looked at 5 ms after its answer."""
    poll_rules = PollRules(absence=rules or AbsenceRules(), **more)
    return plan_poll(state, taken, vocabulary=CODES, rules=poll_rules, now=taken.window.end + 5)


def polls(*snapshots: Snapshot, rules: AbsenceRules | None = None) -> Plan:
    """Return the last plan of several polls in a row, all committed."""
    state = TenantState(tenant="acme")
    for taken in snapshots:
        plan = poll(state, taken, rules)
        state = plan.state
    return plan


def events(plan: Plan) -> list[dict[str, Any]]:
    """Return the events of a plan, parsed."""
    return [orjson.loads(each.value or b"") for each in plan.records if each.topic == EVENTS]


def restored(records: Iterable[Record]) -> TenantState:
    """Return the state that a new owner reads from what was committed: the tables alone, not the events."""
    tables = [each for each in records if each.topic in {ROWS, TENANTS}]
    stored = [Stored(each.topic, 0, offset, each.key, each.value, each.headers) for offset, each in enumerate(tables)]
    return restore(stored, shard=0, shards=1).get("acme", TenantState(tenant="acme"))


def durable(state: TenantState) -> TenantState:
    """Return of a state only what a new owner finds again in the rows."""
    return msgspec.structs.replace(
        state,
        watch=TenantState(tenant="acme").watch,
        complete_through=None,
        health=None,
    )
