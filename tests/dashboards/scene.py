"""A run with every trouble that the dashboards have a panel for, scraped by a real Prometheus."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from tests.campaign.replica import Replica
from tests.support.polled import AGENT_STATUS, STATISTICS, Polled, tenants_of
from tests.support.ports import HOST, free_port
from tests.support.programs import PASSWORD_VARIABLE, ServiceProgram, SimulatorProgram, wait_until
from tests.support.prometheus import Prometheus, impatient, rules
from tests.support.trial import ABSENT_AFTER, Place

SHARDS = 4
INTERVAL = "500ms"
HAPPENED_WITHIN = 60.0

VONAGE, GOOGLE = "vonage-agent-status", "google-ccaip"

TENANTS = [
    Polled("odd", "sim-001", AGENT_STATUS),
    Polled("queues", "sim-002", STATISTICS),
    Polled("early", "sim-003", VONAGE),
    Polled("shrunk", "sim-004", GOOGLE),
    Polled("refused", "sim-005", AGENT_STATUS),
    Polled("lagging", "sim-006", VONAGE),
    Polled("well", "sim-007", AGENT_STATUS),
]


def from_the_future(presence: str, year: int) -> str:
    """Return the answer of a vendor whose agents begin what they do in a year to come, as a fault's argument."""
    since = f"{year}-01-01T00:00:00.000Z"
    agents = [{"agentId": f"10{number}", "presence": {"name": presence, "since": since}} for number in range(3)]
    meta = {"page": 1, "count": len(agents), "pageCount": 1, "totalCount": len(agents)}
    body = json.dumps({"meta": meta, "items": agents}).encode()
    return base64.urlsafe_b64encode(body).decode()


FAULTS = {
    "sim-001": "503:0.2,unknown-status:0.4,extra-fields:0.2",
    "sim-002": "slow:0.2:0.4",
    # again and again: what a tenant's series counted goes with its shard
    "sim-003": f"body:0.5:{from_the_future('Ready', 2098)},body:1:{from_the_future('Away', 2099)}",
    "sim-004": "empty-list:0.5",
    "sim-005": "401",
    "sim-006": "lagging:0.3:3",
}

REFUSED = "StreamerTenantAuthFailing"
"""The alert that must fire: it is marked on the graphs."""

PROVOKED: Sequence[tuple[str, Mapping[str, str]]] = (
    ("streamer_polls_total", {"outcome": "server_busy"}),
    ("streamer_tenant_health", {"health": "auth_failed"}),
    ("streamer_queue_rows_total", {"outcome": "written"}),
    ("streamer_unmapped_statuses_total", {}),
    ("streamer_unknown_fields_total", {}),
    ("streamer_vendor_clock_faults_total", {}),
    ("streamer_missed_transitions_total", {}),
    ("streamer_held_snapshots_total", {}),
    ("streamer_held_agents_total", {}),
)
"""What must have happened, beside the ordinary, for each panel to have something to show."""


class Scene:
    """Two replicas that share the shards of seven tenants, most of them in some trouble, and a Prometheus that scrapes."""

    def __init__(self, place: Place, folder: Path) -> None:
        """Take the store and a folder. There is no schema registry where the replicas look for one."""
        self._place = place
        self._folder = folder
        self._nobody = free_port()
        self._stack = ExitStack()
        options = ("--tenants", str(len(TENANTS)), "--agents", "30", "--speed", "40", "--stats-cache", "1")
        self.simulator = SimulatorProgram(*options, folder=folder)
        self.replicas = [Replica(name, config=self._config, folder=folder / name) for name in ("r1", "r2")]
        ports = [each.port for each in self.replicas]
        self.prometheus = Prometheus(ports, impatient(rules()), folder=folder / "prometheus")

    def __enter__(self) -> Self:
        """Start all; wait until both replicas serve some shards."""
        self._stack.enter_context(self.simulator)
        for tenant, faults in FAULTS.items():
            self.simulator.faults(faults, tenant=tenant)
        self._stack.enter_context(self.prometheus)
        for replica in self.replicas:
            self._stack.callback(replica.close)
            replica.start()
        for replica in self.replicas:
            replica.wait_ready()
        return self

    def __exit__(self, *_: object) -> None:
        """End all."""
        self._stack.close()

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of a metric over the replicas."""
        return sum(each.metric(name, **labels) for each in self.replicas)

    def trouble(self) -> None:
        """Have everything happen that the panels show; in the end somebody takes shards who asked nobody."""
        for name, labels in PROVOKED:
            self.until(name, **labels)
        (self._folder / "intruder").mkdir()
        config = self._config()
        config["kafka"] = {**config["kafka"], "static_shards": "all"}
        with ServiceProgram(config, folder=self._folder / "intruder"):
            self.until("streamer_producer_resets_total")
            self.until("streamer_commits_total", outcome="fenced")
        wait_until(
            lambda: self.total("streamer_shards_owned") == SHARDS and all(each.ready() for each in self.replicas),
            "all is served again",
            within=HAPPENED_WITHIN,
        )

    def until(self, name: str, **labels: str) -> None:
        """Wait until a metric is more than zero."""
        wait_until(lambda: self.total(name, **labels) > 0, f"{name} {labels} counts", within=HAPPENED_WITHIN, every=0.1)

    def _config(self, _client: str = "") -> dict[str, Any]:
        tenants = tenants_of(TENANTS, self.simulator.base_url, password_env=PASSWORD_VARIABLE)
        for tenant in tenants:
            if tenant["source"] == STATISTICS:
                tenant["queues"] = True
        defaults = {"interval": INTERVAL, "heartbeat": "1s", "absent_after": ABSENT_AFTER}
        nobody = {"url": f"http://{HOST}:{self._nobody}"}
        kafka = {**self._place.config["kafka"], "schema_registry": nobody}
        return {**self._place.config, "kafka": kafka, "defaults": defaults, "tenants": tenants}
