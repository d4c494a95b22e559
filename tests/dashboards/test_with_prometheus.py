"""Dashboards and alerts asked of a real Prometheus, which scraped real replicas that had much to tell."""

from __future__ import annotations

import base64
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest

from streamer.service.metric_definitions import DEFINITIONS
from tests.campaign.replica import Replica
from tests.dashboards.asked import ALL, Asked, queries, variables
from tests.support.polled import AGENT_STATUS, STATISTICS, Polled, tenants_of
from tests.support.programs import PASSWORD_VARIABLE, ServiceProgram, SimulatorProgram, wait_until
from tests.support.prometheus import Prometheus, impatient, rules
from tests.support.summary import QUERIES
from tests.support.trial import ABSENT_AFTER, Place, shared_place

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


def from_the_future() -> str:
    """Return the fault of a vendor whose agents begin what they do in a year to come."""
    since = "2099-01-01T00:00:00.000Z"
    agents = [{"agentId": f"10{number}", "presence": {"name": "Ready", "since": since}} for number in range(3)]
    meta = {"page": 1, "count": len(agents), "pageCount": 1, "totalCount": len(agents)}
    body = json.dumps({"meta": meta, "items": agents}).encode()
    return f"body:1:{base64.urlsafe_b64encode(body).decode()}"


FAULTS = {
    "sim-001": "503:0.2,unknown-status:0.4,extra-fields:0.2",
    "sim-002": "slow:0.2:0.4",
    "sim-003": from_the_future(),
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
    """Two replicas that share the shards of six tenants, most of them in some trouble, and a Prometheus that scrapes."""

    def __init__(self, place: Place, folder: Path) -> None:
        """Take the store and a folder."""
        self._place = place
        self._folder = folder
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
        return {**self._place.config, "defaults": defaults, "tenants": tenants}


@pytest.fixture
def scene(kafka: str, topic_prefix: str, tmp_path: Path) -> Iterator[Scene]:
    """All of it, before the trouble."""
    with Scene(shared_place(kafka, topic_prefix, partitions=SHARDS), tmp_path) as scene:
        yield scene


def numbers(found: Sequence[Any]) -> int:
    """Return how many values there are in a result that are numbers."""
    values = [value for each in found for _, value in each.get("values", [each.get("value")])]
    return sum(not math.isnan(float(value)) for value in values)


def alerts(prometheus: Prometheus) -> dict[str, Any]:
    """Return what Prometheus says of its rules, by their names."""
    return {rule["name"]: rule for group in prometheus.ask("v1/rules")["groups"] for rule in group["rules"]}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_panel_has_something_to_show_and_every_alert_is_looked_at(
    scene: Scene, request: pytest.FixtureRequest
) -> None:
    """Of a run with every trouble that there is a panel for: each query gives numbers, each rule is in order."""
    began = time.time()
    scene.trouble()
    prometheus, empty = scene.prometheus, []
    wait_until(lambda: alerts(prometheus)[REFUSED]["state"] == "firing", f"{REFUSED} fires", within=HAPPENED_WITHIN)
    ended = time.time()

    def ask(query: Asked, values: dict[str, str]) -> list[Any]:
        text = query.with_values({**ALL, **values})
        return prometheus.now(text, at=ended) if query.instant else prometheus.over(text, start=began, end=ended)

    def note(kind: str, name: str, series: int, values: int) -> None:
        request.node.user_properties.append((QUERIES, [kind, name, series, values]))

    for query in queries():
        found = ask(query, {})
        note(query.board, query.panel, len(found), numbers(found))
        if not numbers(found):
            empty.append(f"{query.board}: {query.panel}: {query.expression}")
        ask(query, {"tenant": "(odd|well)", "source": AGENT_STATUS})  # some chosen: may be empty, never an error
    for variable in variables():
        matched = variable.metric.replace("$job", ".+").replace("$source", ".+")
        listed = prometheus.ask(f"v1/label/{variable.label}/values", **{"match[]": matched})
        note(variable.board, f"(variable) {variable.name}", len(listed), len(listed))
        if not listed:
            empty.append(f"{variable.board}: variable {variable.name}")
    assert empty == [], "\n".join(empty)

    told = alerts(prometheus)
    for group in rules()["groups"]:
        for rule in group["rules"]:
            name = rule["alert"]
            found = prometheus.over(rule["expr"], start=began, end=ended)
            note("alerts", f"{name} ({told[name]['state']})", len(found), numbers(found))
            assert told[name]["health"] == "ok", told[name]
    assert told["StreamerAbsent"]["state"] == "inactive"

    names = {name for name in prometheus.ask("v1/label/__name__/values") if name.startswith("streamer_")}
    known = {each.full_name for each in DEFINITIONS if each.kind != "histogram"}
    known |= {f"{each.full_name}_{part}" for each in DEFINITIONS if each.buckets for part in ("bucket", "sum", "count")}
    assert names == known, "what is scraped is what is documented"
