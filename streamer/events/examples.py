"""The examples that the schemas publish; the tests hold them to the schemas and to the encoder."""

from __future__ import annotations

from typing import Any, Final

_READY: Final = {
    "state": "ready",
    "detail": None,
    "reason": None,
    "vendor": {"code": 4, "label": "WAIT_TRANSACT"},
    "since": {"earliest": "2026-11-21T09:12:40.118Z", "latest": "2026-11-21T09:12:50.304Z"},
}

_TRAINING: Final = {
    "state": "not_ready",
    "detail": "work_offline",
    "reason": {"code": "1726", "name": "Train", "list": "801"},
    "vendor": {
        "code": 5,
        "label": "WORK_OFFLINE",
        "status-code-list-id": 801,
        "status-code-item-id": 1726,
        "status-code-item-short-code": "Train",
        "agent-sub-status": "none",
    },
    "since": {"earliest": "2026-11-21T09:30:00.125Z", "latest": "2026-11-21T09:30:10.302Z"},
}

CHANGED: Final[dict[str, Any]] = {
    "tenant": "acmecorp01",
    "source": "8x8-agent-status",
    "agent": {"id": "ag64oyEUb_Sk6bxVB9P5ye5w", "name": "Padma Othertask"},
    "sequence": 42,
    "tenant_sequence": 1877,
    "change": "changed",
    "previous": _READY,
    "current": _TRAINING,
    "observed": {"start": "2026-11-21T09:30:10.120Z", "end": "2026-11-21T09:30:10.302Z"},
    "detected_at": "2026-11-21T09:30:10.304Z",
    "occurred": {
        "earliest": "2026-11-21T09:30:00.125Z",
        "latest": "2026-11-21T09:30:10.302Z",
        "basis": "poll_bounds",
    },
    "duration_ms": {"min": 1029821, "max": 1050184},
    "missed_transitions": 0,
    "late": False,
}

TENANT: Final[dict[str, Any]] = {
    "tenant": "acmecorp01",
    "source": "8x8-agent-status",
    "health": "ok",
    "health_since": "2026-11-21T08:00:00.210Z",
    "complete_through": "2026-11-21T09:30:10.120Z",
    "tenant_sequence": 1877,
    "resolution_ms": 10182,
    "assumed_age_ms": 0,
    "interval_ms": 10000,
    "agents": 3,
    "agents_by_state": {"logged_out": 1, "ready": 1, "not_ready": 1},
    "resync": None,
    "reported_at": "2026-11-21T09:30:12.000Z",
    "resyncs": [],
}

QUEUE: Final[dict[str, Any]] = {
    "tenant": "acmecorp01",
    "source": "8x8-realtime-stats",
    "queue": {"id": "116", "name": "Tech Support"},
    "media": "phone",
    "type": "phone",
    "gauges": {
        "agents_available": 0,
        "agents_busy": 4,
        "agents_post_processing": 1,
        "agents_on_break": 2,
        "agents_work_offline": 0,
        "agents_logged_out": 5,
        "agents_assigned": 12,
        "agents_enabled": 12,
        "waiting": 3,
        "offered": 1,
        "in_progress": 4,
        "longest_wait_seconds": 41,
        "sla_activity_percent": 87,
        "sla_target": 0,
    },
    "counters": {"day-accepted": 212, "day-abandoned": 9, "thirty-min-queued": 31},
    "observed": {"start": "2026-11-21T09:30:00.120Z", "end": "2026-11-21T09:30:10.302Z"},
    "detected_at": "2026-11-21T09:30:10.304Z",
}
