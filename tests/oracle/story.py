"""Small histories made by hand, to try the oracle on: what was true, and what a flawless service would have published.

The service in here is a dozen lines and knows nothing of crashes, bounds or batches; it is told when it polls.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from tests.oracle.evidence import Evidence, Facts, Message

TENANT = "acme"
SOURCE = "8x8-agent-status"
START = 1_790_000_000_000
NAMESPACE = UUID("6f1b2c1e-8f0a-5a39-9d39-2f3a6f0f7c55")
WIDTH = 20
"""Milliseconds from a request to its answer; what is shown was true in the middle."""

STATES = {1: "logged_out", 4: "ready", 5: "not_ready", 7: "busy", 8: "working_after_call"}


def at(millis: int) -> str:
    """Write a time of the story as RFC 3339."""
    moment = datetime.fromtimestamp((START + millis) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event_id(value: Mapping[str, Any]) -> str:
    """Name an event as the schema says."""
    name = [value["tenant"], value["agent"]["id"], value["sequence"], value["detected_at"]]
    return str(uuid5(NAMESPACE, json.dumps(name, separators=(",", ":"), ensure_ascii=False)))


def message(topic: str, offset: int, key: str, value: Mapping[str, Any]) -> Message:
    """Write a record of the story as it would lie in a topic."""
    headers: tuple[tuple[str, bytes], ...] = (("content-type", b"application/json"),)
    if topic != "tenant-status":
        headers += (
            ("ce_specversion", b"1.0"),
            ("ce_id", event_id(value).encode()),
            ("ce_source", f"/tenants/{value['tenant']}".encode()),
            ("ce_type", b"AgentStatusChanged"),
            ("ce_subject", value["agent"]["id"].encode()),
            ("ce_time", value["detected_at"].encode()),
            ("ce_dataschema", b"urn:agent-status-streamer:schemas:agent-status-changed.v1.json"),
            ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        )
    return Message(topic, 3, offset, key.encode(), json.dumps(value).encode(), headers)


@dataclass(kw_only=True)
class Story:
    """One tenant's true changes (when, agent, code or None) and the middles of the polls that saw them, in order.

    `values` and `records` are what the flawless service publishes; a test spoils them before it asks for `evidence`.
    An absence is told at its first poll (`absent_after` 1).
    """

    changes: Sequence[tuple[int, str, int | None]]
    polls: Sequence[int]
    values: list[dict[str, Any]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Publish."""
        shown: dict[str, dict[str, Any]] = {}
        last: int | None = None
        for poll in self.polls:
            for agent in sorted({name for _, name, _ in self.changes}):
                self._look(agent, poll, last, shown)
            gap = None if last is None else poll + WIDTH - last
            last = poll - WIDTH // 2
            self.records.append(self._record(poll, gap, shown))

    def evidence(self, *, settled: bool = True, **facts: Any) -> Evidence:
        """Return what the oracle gets, with the table's history written from the events as they are now."""
        rows = [self._message("agent-status", number, value) for number, value in enumerate(self.values)]
        return Evidence(
            events=[self._message("agent-status-changed", number, value) for number, value in enumerate(self.values)],
            rows=rows,
            tenants=[message("tenant-status", number, TENANT, record) for number, record in enumerate(self.records)],
            truth={SOURCE: {(TENANT, agent): list(self._shown(agent)) for _, agent, _ in self.changes}},
            facts=Facts(**{"absent_after": 1, "settled": [TENANT] if settled else [], **facts}),
        )

    def spoil(self, number: int, how: Callable[[dict[str, Any]], None]) -> None:
        """Change an event; its id follows, and so does the next event's `previous`."""
        value = self.values[number]
        how(value)
        for later in self.values[number + 1 :]:
            if later["agent"] == value["agent"]:
                later["previous"] = value["current"]
                break

    def _look(self, agent: str, poll: int, last: int | None, shown: dict[str, dict[str, Any]]) -> None:
        code = self._true(agent, poll)
        before = shown.get(agent)
        previous = before["current"] if before else None
        if code == (previous["vendor"]["code"] if previous else None):
            return
        latest = poll + WIDTH // 2
        occurred = {"earliest": None if last is None else at(last), "latest": at(latest), "basis": "poll_bounds"}
        since = None if last is None else {"earliest": at(last), "latest": at(latest)}
        value = {
            "tenant": TENANT,
            "source": SOURCE,
            "agent": {"id": agent, "name": "Jóna O'Neil"},
            "sequence": before["sequence"] + 1 if before else 1,
            "tenant_sequence": len(self.values) + 1,
            "change": self._kind(previous, code, last),
            "previous": previous,
            "current": None if code is None else _status(code, since),
            "observed": {"start": at(poll - WIDTH // 2), "end": at(latest)},
            "detected_at": at(latest + 1),
            "occurred": occurred,
            "duration_ms": self._duration(previous, last, latest),
            "missed_transitions": 0,
            "late": False,
        }
        shown[agent] = value
        self.values.append(deepcopy(value))

    def _true(self, agent: str, poll: int) -> int | None:
        return [None, *(code for when, name, code in self.changes if name == agent and when <= poll)][-1]

    @staticmethod
    def _kind(previous: object, code: int | None, last: int | None) -> str:
        if last is None:
            return "baseline"
        if previous is None:
            return "appeared"
        return "disappeared" if code is None else "changed"

    @staticmethod
    def _duration(previous: dict[str, Any] | None, last: int | None, latest: int) -> dict[str, int] | None:
        if previous is None or previous["since"] is None or last is None:
            return None
        since = {name: _millis(text) for name, text in previous["since"].items()}
        return {"min": max(0, last - since["latest"]), "max": latest - since["earliest"]}

    def _record(self, poll: int, gap: int | None, shown: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        return {
            "tenant": TENANT,
            "source": SOURCE,
            "health": "ok",
            "health_since": at(0),
            "complete_through": at(poll - WIDTH // 2),
            "tenant_sequence": len(self.values),
            "resolution_ms": gap,
            "assumed_age_ms": 0,
            "interval_ms": 1000,
            "agents": sum(1 for value in shown.values() if value["current"]),
            "agents_by_state": {},
            "resync": None,
            "reported_at": at(poll + WIDTH // 2 + 1),
        }

    def _shown(self, agent: str) -> Iterator[tuple[int, dict[str, Any] | None]]:
        for when, name, code in self.changes:
            if name == agent:
                yield START + when, None if code is None else {"agent-status": code}

    @staticmethod
    def _message(topic: str, offset: int, value: Mapping[str, Any]) -> Message:
        return message(topic, offset, f"{value['tenant']}|{value['agent']['id']}", value)


def _status(code: int, since: dict[str, str] | None) -> dict[str, Any]:
    vendor = {"code": code, "label": "AS_TOLD"}
    return {"state": STATES[code], "detail": None, "reason": None, "vendor": vendor, "since": since}


def _millis(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000) - START


def ordinary() -> Story:
    """Three agents: one works, one is quiet until late, one leaves, comes back and logs out for good."""
    return Story(
        changes=[
            (0, "ann", 4),
            (0, "bob", 1),
            (0, "cyd", 5),
            (1300, "ann", 7),
            (2500, "ann", 8),
            (2600, "cyd", None),
            (3700, "ann", 4),
            (4200, "cyd", 1),
            (5400, "ann", 7),
            (5900, "ann", 4),
            (6200, "bob", 4),
        ],
        polls=[1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000],
    )
