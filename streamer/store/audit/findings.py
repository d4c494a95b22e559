"""What an audit finds."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Finding(Struct, frozen=True, kw_only=True):
    """One disagreement, or one thing that can't be proven. `place` is the record that shows it, `topic[partition]@offset`.

    `check` names the rule: `readable`, `envelope`, `tenant_sequence`, `sequence`, `chain`, `row`, `watermark`. The
    message holds numbers and times, no agent's name.
    """

    verdict: Literal["differs", "not_covered"]
    check: str
    tenant: str | None
    agent: str | None
    place: str
    message: str


class Summary(Struct, frozen=True, kw_only=True):
    """How much was compared. `restarted`: agents that came back with sequence 1 after their rows were erased."""

    agents: int
    rows: int
    events: int
    tenants: int
    restarted: int
    not_covered: int
    differences: int


class Report(Struct, frozen=True):
    """All findings, and the summary."""

    findings: tuple[Finding, ...]
    summary: Summary

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not self.summary.differences
