"""Nodes are drained: the budget lets one replica go at a time, and one that is not ready holds nobody up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.kubernetes.api import Api
from tests.kubernetes.conftest import Tell
from tests.kubernetes.control_plane import NODES
from tests.kubernetes.release import WITHIN, Release, fewest_ready, uids
from tests.support.chart import VALUES
from tests.support.programs import wait_until

pytestmark = pytest.mark.kubernetes


@pytest.fixture(autouse=True)
def nodes_as_they_were(api: Api) -> Iterator[None]:
    """Let all nodes take pods again."""
    yield
    cordon(api, *NODES, so=False)


def cordon(api: Api, *nodes: str, so: bool = True) -> None:
    """Have nodes take no new pods, or take them again."""
    for node in nodes:
        api.do("PATCH", f"/api/v1/nodes/{node}", {"spec": {"unschedulable": so}})


def drain(release: Release, node: str) -> int:
    """Do as `kubectl drain` does: cordon, evict, repeat what the budget refuses; return how often it did."""
    cordon(release.api, node)
    refused = 0

    def empty() -> bool:
        nonlocal refused
        there = [each for each in release.replicas() if each["spec"].get("nodeName") == node]
        answers = [release.evict(each).status for each in there if "deletionTimestamp" not in each["metadata"]]
        assert set(answers) <= {201, 404, 429}
        refused += answers.count(429)
        return not there

    wait_until(empty, f"{node} drained", within=WITHIN, every=0.1)
    return refused


def install(release: Release, **values: Any) -> None:
    """Install the minimal values, and others over them."""
    release.install({**VALUES["minimal"], **values})
    release.wait_ready(values.get("replicas", 2))


def test_a_second_eviction_is_refused_while_one_replica_is_away(release: Release, tell: Tell) -> None:
    """Away is also one that finds no node; once it is back, the other may go."""
    install(release)
    first, second = release.replicas()
    cordon(release.api, *NODES)
    assert release.evict(first).status == 201
    wait_until(lambda: uids([first]).items().isdisjoint(uids(release.replicas()).items()), "evicted", within=WITHIN)
    refused = release.evict(second)
    assert refused.status == 429
    assert refused.body["details"]["causes"][0]["reason"] == "DisruptionBudget"
    tell("eviction, the other pod away", "refused by the budget (429)")
    cordon(release.api, *NODES, so=False)
    release.wait_ready(2)
    assert release.evict(second).status == 201
    tell("eviction, the other pod back", "allowed (201)")


def test_all_nodes_are_drained_in_turn_and_one_replica_at_most_is_away(release: Release, tell: Tell) -> None:
    """As when a cluster is upgraded; all replicas may lie on one node by then."""
    install(release, replicas=3)
    pods, then = release.replicas(), release.now()
    refused = 0
    for node in NODES:
        refused += drain(release, node)
        cordon(release.api, node, so=False)
    release.wait_ready(3)
    assert fewest_ready(pods, release.since(then)) == 2
    assert not set(uids(pods).values()) & set(uids(release.replicas()).values())
    tell(f"{len(NODES)} nodes drained in turn", f"2 of 3 pods ready at the least; {refused} evictions put off")


def test_a_replica_that_is_not_ready_does_not_hold_up_a_drain(release: Release, tell: Tell) -> None:
    """With Kafka away none is: nodes can be drained all the same, all replicas at once."""
    install(release)
    pods = release.replicas()
    for pod in pods:
        conditions = [
            {**each, "status": "False"} if each["type"] == "Ready" else each for each in pod["status"]["conditions"]
        ]
        path = f"{release.pods_path}/{pod['metadata']['name']}/status"
        release.api.do("PATCH", path, {"status": {"conditions": conditions}})
    wait_until(lambda: release.budget()["currentHealthy"] == 0, "the budget knows", within=WITHIN)
    assert [release.evict(each).status for each in pods] == [201, 201]
    tell("eviction of both, none ready", "allowed (201)")
