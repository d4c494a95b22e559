"""What the simulator shows of queues now, asked without the product, in the words in which it is published."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.request import Request, urlopen

from tests.support.programs import PASSWORD, SimulatorProgram

FIELDS: Mapping[str, str] = {
    "agent-count-busy": "agents_busy",
    "agent-count-loggedOut": "agents_logged_out",
    "agent-count-onBreak": "agents_on_break",
    "agent-count-postProcess": "agents_post_processing",
    "agent-count-waitTransact": "agents_available",
    "agent-count-workOffline": "agents_work_offline",
    "assigned-agent-count": "agents_assigned",
    "enabled-agent-count": "agents_enabled",
    "longest-wait-time": "longest_wait_seconds",
    "number-in-offered": "offered",
    "number-in-progress": "in_progress",
    "queue-size": "waiting",
    "sla-activity": "sla_activity_percent",
    "sla-target": "sla_target",
}

Gauges = Mapping[str, Any]


def gauges_shown(simulator: SimulatorProgram, tenant: str) -> Mapping[str, Gauges]:
    """Return the gauges of a simulated tenant's queues, by queue id; -1 is none."""
    credentials = b64encode(f"{tenant}:{PASSWORD}".encode()).decode()
    url = f"{simulator.base_url}/api/rtstats/stats/queues.json"
    with urlopen(Request(url, headers={"Authorization": f"Basic {credentials}"}), timeout=60) as answer:  # noqa: S310
        queues = json.load(answer)["queues"]
    return {
        str(queue["queue-id"]): {name: None if queue[field] < 0 else queue[field] for field, name in FIELDS.items()}
        for queue in queues
    }
