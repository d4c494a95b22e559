"""Events as lines for people. What vendors send is shown, never obeyed: control characters are escaped."""

from __future__ import annotations

from typing import Any


def printable(text: str) -> str:
    """Return the text with what a terminal might obey, or nobody can see, escaped."""
    return text if text.isprintable() else repr(text)[1:-1]


def status_text(status: dict[str, Any] | None) -> str:
    """Return an event's `previous` or `current` in short: `not_ready/break (Lunch)`."""
    if status is None:
        return "-"
    detail, reason = status["detail"], status["reason"] or {}
    named = reason.get("name") or reason.get("code")
    return printable(str(status["state"]) + (f"/{detail}" if detail else "") + (f" ({named})" if named else ""))


def event_text(event: dict[str, Any]) -> str:
    """Return an event as one line: when it was detected, who, what, and how sure the time is."""
    occurred = event["occurred"] or {}
    flags = [
        *(["late"] if event["late"] else []),
        *([f"missed {event['missed_transitions']}"] if event["missed_transitions"] else []),
    ]
    columns = (
        event["detected_at"],
        f"{printable(event['tenant']):<12}",
        f"{printable(event['agent']['id']):<24}",
        f"{event['change']:<11}",
        f"{status_text(event['previous'])} -> {status_text(event['current'])}",
        f"[{occurred['earliest']} .. {occurred['latest']}]" if occurred.get("earliest") else "",
        " ".join(flags),
    )
    return "  ".join(column for column in columns if column)


def queue_row_text(row: dict[str, Any]) -> str:
    """Return a queue's row as one line: when it was looked at, whose it is, and what it shows."""
    return f"{row['detected_at']}  {printable(row['tenant']):<12}  {queue_text(row)}"


def queue_text(row: dict[str, Any]) -> str:
    """Return what a queue shows as one line: which it is, who waits and for how long, and who is there to help."""
    queue, gauges = row["queue"], row["gauges"]
    waiting, seconds, served, free = (
        _number(gauges[name]) for name in ("waiting", "longest_wait_seconds", "in_progress", "agents_available")
    )
    columns = (
        f"{printable(queue['id']):<8}",
        f"{printable(queue['name'] or '-'):<24}",
        f"{printable(row['media'] or '-'):<8}",
        f"waiting {waiting} for {seconds} s, in progress {served}, agents available {free}",
    )
    return "  ".join(columns)


def _number(value: int | None) -> str:
    return "?" if value is None else str(value)
