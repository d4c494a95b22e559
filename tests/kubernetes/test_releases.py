"""A release lives: it is installed, changed, taken back, asked and removed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kubernetes.conftest import Tell
from tests.kubernetes.control_plane import NEVER_READY
from tests.kubernetes.release import NAME, WITHIN, Release, came_up, deleted, fewest_ready, is_ready, uids
from tests.support.chart import VALUES
from tests.support.programs import wait_until

pytestmark = pytest.mark.kubernetes

OWN = {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"}
"""What Kubernetes puts into every namespace."""


def with_values(**values: Any) -> dict[str, Any]:
    """Return the minimal values, a quick rollout, and others over them."""
    return {**VALUES["minimal"], "minReadySeconds": 1, **values}


def other_config() -> dict[str, Any]:
    """Return the minimal config with a change."""
    return {**VALUES["minimal"]["config"], "defaults": {"interval": "20s"}}


@pytest.mark.parametrize("name", VALUES)
def test_every_values_file_is_installed_and_removed_without_a_trace(name: str, release: Release, tell: Tell) -> None:
    """All pods are admitted and become ready; in the end the namespace holds what it held before."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "existing"}}
    release.api.do("POST", f"/api/v1/namespaces/{release.namespace}/serviceaccounts", account)
    before = {*OWN, "ServiceAccount/existing"}
    wait_until(lambda: release.api.everything_in(release.namespace) == before, f"only {before}", within=WITHIN)
    release.install(VALUES[name])
    count = VALUES[name].get("replicas", 2)
    wait_until(lambda: release.ready(count), f"{count} pods ready", within=WITHIN, every=0.1)
    made = release.api.everything_in(release.namespace) - before
    nodes = {each["spec"]["nodeName"] for each in release.replicas()}
    tell(f"install, {name} values", f"{len(made)} objects; {count} pods ready on {len(nodes)} nodes")
    release.uninstall()
    wait_until(lambda: release.api.everything_in(release.namespace) == before, f"only {before}", within=WITHIN)
    tell(f"uninstall, {name} values", "nothing is left")


def test_changed_tenants_reach_the_config_map_and_restart_no_pod(release: Release, tell: Tell) -> None:
    """The pods are the same, and nothing has happened to them."""
    release.install(with_values())
    pods, then = release.replicas(), release.now()
    generation = release.stateful_set()["metadata"]["generation"]
    more = [*VALUES["minimal"]["tenants"], {"id": "beta", "source": "8x8-agent-status"}]
    release.upgrade(with_values(tenants=more))
    assert release.the(f"v1/configmaps/{NAME}-tenants")["data"].keys() == {"acme.yaml", "beta.yaml"}
    assert release.stateful_set()["metadata"]["generation"] == generation
    assert release.since(then) == []
    assert uids(release.replicas()) == uids(pods)
    tell("upgrade, a tenant more", "ConfigMap changed, pods untouched")


def test_a_changed_config_replaces_one_pod_at_a_time_from_the_last(release: Release, tell: Tell) -> None:
    """Though pods start side by side; never are fewer than all but one ready, as the budget allows, and none goes twice."""
    release.install(with_values(replicas=3))
    release.wait_ready(3)
    pods, then = release.replicas(), release.now()
    generation = release.stateful_set()["metadata"]["generation"]
    release.upgrade(with_values(replicas=3, config=other_config()))
    release.wait_rolled_out()
    changes = release.since(then)
    assert deleted(changes, of=pods) == [f"{NAME}-2", f"{NAME}-1", f"{NAME}-0"]
    assert deleted(changes, of=came_up(pods, changes)) == [], "what came for them stays"
    assert release.stateful_set()["metadata"]["generation"] == generation + 1, "there is nothing to replace them for"
    assert fewest_ready(pods, changes) == 2
    assert not set(uids(pods).values()) & set(uids(release.replicas()).values())
    assert "interval: 20s" in release.the(f"v1/configmaps/{NAME}")["data"]["streamer.yaml"]
    tell("upgrade, another config", "3 pods replaced, last to first; 2 ready at the least")


def test_a_rollout_stops_at_the_first_pod_that_does_not_come_up_and_a_rollback_repairs_it(
    release: Release, tell: Tell
) -> None:
    """The others go on as they were. No pod need be deleted by hand, as it must be where pods start in order."""
    release.install(with_values(replicas=3))
    release.wait_ready(3)
    pods = release.replicas()
    then = release.now()
    release.upgrade(with_values(replicas=3, podAnnotations={NEVER_READY: "yes"}), wait=False)
    wait_until(lambda: deleted(release.since(then), of=pods) != [], "the last pod replaced", within=WITHIN)
    wait_until(lambda: len(release.replicas()) == 3, "a new pod in its place", within=WITHIN)
    tell("upgrade, pods never ready", "stopped at the last pod; 2 ready")
    release.rollback()
    release.wait_rolled_out()
    changes = release.since(then)
    assert deleted(changes, of=pods) == [f"{NAME}-2"]
    assert fewest_ready(pods, changes) == 2
    assert {name: uid for name, uid in uids(release.replicas()).items() if not name.endswith("-2")} == {
        name: uid for name, uid in uids(pods).items() if not name.endswith("-2")
    }
    assert all(is_ready(each) for each in release.replicas())
    assert release.revisions() == [(1, "superseded"), (2, "superseded"), (3, "deployed")]
    tell("rollback", "3 pods ready, the other 2 never touched")


def test_a_change_is_taken_back_by_a_rollback(release: Release, tell: Tell) -> None:
    """The config and the tenants are those of before."""
    release.install(with_values())
    maps = (f"v1/configmaps/{NAME}", f"v1/configmaps/{NAME}-tenants")
    before = [release.the(path)["data"] for path in maps]
    release.upgrade(with_values(config=other_config(), tenants=[]))
    changed = [release.the(path).get("data") for path in maps]
    assert [old != new for old, new in zip(before, changed, strict=True)] == [True, True]
    release.rollback()
    assert [release.the(path)["data"] for path in maps] == before
    tell("rollback of config and tenants", "both as before")


def test_the_autoscaler_is_accepted_and_an_upgrade_leaves_its_decision(release: Release, tell: Tell) -> None:
    """Where it says 4 there are 4, whatever else is changed."""
    values = with_values(autoscaling={"enabled": True, "minReplicas": 2})
    release.install(values)
    release.wait_ready(2)
    tell("install, with autoscaler", "2 pods ready")
    scale = f"/apis/apps/v1/namespaces/{release.namespace}/statefulsets/{NAME}/scale"
    release.api.do("PATCH", scale, {"spec": {"replicas": 4}})  # as the autoscaler does, which has no metrics here
    release.wait_ready(4)
    then = release.now()
    more = [*VALUES["minimal"]["tenants"], {"id": "beta", "source": "8x8-agent-status"}]
    release.upgrade({**values, "tenants": more})
    assert release.ready(4)
    assert release.since(then) == []
    scaled = release.the(f"autoscaling/v2/horizontalpodautoscalers/{NAME}")["status"]
    conditions = {each["type"]: each for each in scaled["conditions"]}
    assert conditions["AbleToScale"]["status"] == "True"
    assert (
        "no metrics" in conditions["ScalingActive"]["message"]
        or "unable to get" in conditions["ScalingActive"]["message"]
    )
    tell("upgrade, with autoscaler", "4 pods stay 4")


def test_an_autoscaler_that_is_turned_on_begins_with_one_and_goes_to_its_fewest(release: Release, tell: Tell) -> None:
    """As docs/kubernetes.md says: a number that the chart no longer gives is 1 to Kubernetes. The first pod stays."""
    release.install(with_values(replicas=3))
    release.wait_ready(3)
    pods, then = release.replicas(), release.now()
    release.upgrade(with_values(replicas=3, autoscaling={"enabled": True, "minReplicas": 2}))
    wait_until(lambda: f"{NAME}-1" in deleted(release.since(then), of=pods), "scaled down", within=WITHIN)
    release.wait_ready(2)
    changes = release.since(then)
    assert f"{NAME}-0" not in deleted(changes, of=pods)
    assert fewest_ready(pods, changes) == 1
    tell("upgrade, autoscaler turned on", "3 pods become 1, then 2")


def test_helm_test_runs_its_job_and_leaves_nothing(release: Release, tell: Tell) -> None:
    """The job's pod is admitted and scheduled. Whether its container finds a replica ready is not to be seen here."""
    release.install(with_values())
    before = release.api.everything_in(release.namespace)
    release.test()
    jobs = f"/apis/batch/v1/namespaces/{release.namespace}/jobs"
    wait_until(lambda: release.api.get(jobs)["items"] == [], "the job deleted", within=WITHIN)
    wait_until(lambda: release.api.everything_in(release.namespace) == before, "its pod deleted", within=WITHIN)
    tell("helm test", "the job completed, and is gone")
