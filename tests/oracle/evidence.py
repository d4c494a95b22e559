"""What the oracle is given, and its own reading of it: nothing here is shared with the product.

A consumer that knows only the published schemas could have written this file.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

from tests.oracle.truth import Truth
from tests.oracle.vendors import READINGS, StatusKey

Millis: TypeAlias = int


class Message(NamedTuple):
    """One record as a reader saw it. `topic` has no prefix; `value` is None for a tombstone."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class Span(NamedTuple):
    """Two times in milliseconds, both included; `earliest` is None where it is unknown."""

    earliest: Millis | None
    latest: Millis

    def holds(self, at: float) -> bool:
        """Whether `at` lies in the span."""
        return (self.earliest is None or at >= self.earliest) and at <= self.latest


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the oracle must be told about a run, since no record says it.

    `absent_after`: as configured. `settled`: tenants that were polled, quietly, after the truth was frozen; their last
    events must show its end. `forgotten`: agents (tenant, agent) that the operator had erased. `lies`: times in which
    the vendor hid agents that were there, so that it is unknown which absences could be told.
    """

    absent_after: int = 3
    settled: Collection[str] = ()
    forgotten: Collection[tuple[str, str]] = ()
    lies: Sequence[Span] = ()


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything of one run. All messages in the order of their partition.

    `rows` is the table's whole history, or, with `rows_compacted`, at least the last record of each key.
    """

    events: Sequence[Message]
    rows: Sequence[Message]
    tenants: Sequence[Message]
    truth: Truth
    facts: Facts = field(default_factory=Facts)
    rows_compacted: bool = False


def millis(text: str) -> Millis:
    """Read an RFC 3339 time."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def members(text: str) -> dict[str, str]:
    """Return each member of a JSON object as it stands in the text."""
    decode = json.JSONDecoder().raw_decode
    found: dict[str, str] = {}
    at = _blank(text, text.index("{") + 1)
    while text[at] != "}":
        name, at = decode(text, _blank(text, at))
        start = _blank(text, _blank(text, at) + 1)
        _, at = decode(text, start)
        found[name] = text[start:at]
        at = _blank(text, at)
        at += text[at] == ","
    return found


def _blank(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def status_key(status: Mapping[str, Any] | None, source: str) -> StatusKey | None:
    """Return what identifies a status that was published of a source; None for none."""
    return None if status is None else READINGS[source].published(status["vendor"])


@dataclass(frozen=True, kw_only=True)
class Event:
    """A parsed event and where it lies. `current` and `previous` are None where they are null."""

    message: Message
    data: Mapping[str, Any]
    tenant: str
    agent: str
    sequence: int
    tenant_sequence: int
    change: str
    previous: StatusKey | None
    current: StatusKey | None
    since: Span | None
    observed: Span
    occurred: Span | None
    detected_at: Millis

    @classmethod
    def of(cls, message: Message) -> Event:
        """Read a valid event."""
        data = json.loads(message.value or b"")
        return cls(
            message=message,
            data=data,
            tenant=data["tenant"],
            agent=data["agent"]["id"],
            sequence=data["sequence"],
            tenant_sequence=data["tenant_sequence"],
            change=data["change"],
            previous=status_key(data["previous"], data["source"]),
            current=status_key(data["current"], data["source"]),
            since=_span(data["current"]["since"]) if data["current"] else None,
            observed=Span(millis(data["observed"]["start"]), millis(data["observed"]["end"])),
            occurred=_span(data["occurred"]),
            detected_at=millis(data["detected_at"]),
        )

    @property
    def who(self) -> tuple[str, str]:
        """Tenant and agent."""
        return self.tenant, self.agent

    @cached_property
    def raw(self) -> Mapping[str, str]:
        """Each member of the value as it stands in the text."""
        return members((self.message.value or b"").decode())


@dataclass(frozen=True, kw_only=True)
class TenantRecord:
    """A parsed record of a tenant's status."""

    message: Message
    tenant: str
    tenant_sequence: int
    complete_through: Millis | None
    resolution: Millis | None
    reported_at: Millis

    @classmethod
    def of(cls, message: Message) -> TenantRecord:
        """Read a valid record."""
        data = json.loads(message.value or b"")
        mark = data["complete_through"]
        return cls(
            message=message,
            tenant=data["tenant"],
            tenant_sequence=data["tenant_sequence"],
            complete_through=None if mark is None else millis(mark),
            resolution=data["resolution_ms"],
            reported_at=millis(data["reported_at"]),
        )


def _span(value: Mapping[str, Any] | None) -> Span | None:
    if value is None:
        return None
    earliest = value["earliest"]
    return Span(None if earliest is None else millis(earliest), millis(value["latest"]))
