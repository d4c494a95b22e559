"""A release of the chart in a namespace of its own, and what Kubernetes makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from helm_python import Config

from tests.kubernetes.api import Answer, Api, Change
from tests.support.chart import CHART, Object
from tests.support.programs import wait_until

NAME: Final = "statuses-agent-status-streamer"
"""What the chart calls its objects in a release `statuses`; pods get their number behind it."""

WITHIN: Final = 120.0
"""Seconds for whatever a cluster without containers is waited for; on an idle machine it takes a few."""


class Release:
    """A release `statuses`, which Helm installs, upgrades and removes, and waits for as `--wait` does."""

    def __init__(self, *, api: Api, kubeconfig: Path, namespace: str) -> None:
        """Take the API server, a kubeconfig for it, and a namespace that is there."""
        self.api = api
        self.namespace = namespace
        self.pods_path = f"/api/v1/namespaces/{namespace}/pods"
        self._helm = Config(kubeconfig_path=kubeconfig, namespace=namespace)

    def install(self, values: Mapping[str, Any]) -> None:
        """Install the chart with these values, until all is ready."""
        self._helm.install(CHART, "statuses", dict(values), wait="watcher", timeout=int(WITHIN))

    def upgrade(self, values: Mapping[str, Any], *, wait: bool = True) -> None:
        """Upgrade to these values, and none of the last ones."""
        how = "watcher" if wait else "hookOnly"
        self._helm.upgrade(CHART, "statuses", dict(values), reset_values=True, wait=how, timeout=int(WITHIN))

    def rollback(self) -> None:
        """Go back to the revision before this one, until all is ready."""
        self._helm.rollback("statuses", wait="watcher", timeout=int(WITHIN))

    def test(self) -> None:
        """Run `helm test`."""
        self._helm.test("statuses", timeout=int(WITHIN))

    def uninstall(self) -> None:
        """Remove the release."""
        self._helm.uninstall("statuses", wait="watcher", timeout=int(WITHIN))

    def revisions(self) -> list[tuple[int, str]]:
        """Return number and state of each revision, oldest first."""
        return [(each["revision"], each["status"]) for each in self._helm.history("statuses")]

    def close(self) -> None:
        """Let go of the connection; the release stays."""
        self._helm.close()

    def the(self, path: str) -> Any:
        """Return an object, `apps/v1/statefulsets/NAME` say, of this namespace."""
        group, resource, name = path.rsplit("/", 2)
        root = f"/apis/{group}" if "/" in group else f"/api/{group}"
        return self.api.get(f"{root}/namespaces/{self.namespace}/{resource}/{name}")

    def stateful_set(self, name: str = NAME) -> Any:
        """Return the StatefulSet."""
        return self.the(f"apps/v1/statefulsets/{name}")

    def budget(self) -> Any:
        """Return the status of the PodDisruptionBudget."""
        return self.the(f"policy/v1/poddisruptionbudgets/{NAME}")["status"]

    def replicas(self) -> list[Object]:
        """Return the release's pods by their names; not those of the test job."""
        of_set = self.api.get(self.pods_path, labelSelector="apps.kubernetes.io/pod-index")["items"]
        return sorted(of_set, key=lambda each: str(each["metadata"]["name"]))

    def ready(self, count: int) -> bool:
        """Tell whether there are so many pods, and all of them are ready."""
        return [is_ready(each) for each in self.replicas()] == [True] * count

    def wait_ready(self, count: int) -> None:
        """Wait until there are so many pods, all of them ready, and the budget knows."""
        wait_until(lambda: self.ready(count), f"{count} pods ready", within=WITHIN, every=0.1)
        wait_until(lambda: self.budget()["currentHealthy"] == count, "the budget up to date", within=WITHIN, every=0.1)

    def wait_rolled_out(self) -> None:
        """Wait until all pods are of the newest revision, as `kubectl rollout status` does."""

        def rolled_out() -> bool:
            it = self.stateful_set()
            status = it["status"]
            newest = it["metadata"]["generation"], status["updateRevision"], it["spec"]["replicas"]
            there = status["observedGeneration"], status["currentRevision"], status.get("availableReplicas")
            return bool(there == newest)

        wait_until(rolled_out, "all pods of the newest revision", within=WITHIN, every=0.1)

    def evict(self, pod: Object) -> Answer:
        """Ask for a pod's eviction, as `kubectl drain` does."""
        name = pod["metadata"]["name"]
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        return self.api.ask("POST", f"{self.pods_path}/{name}/eviction", eviction)

    def now(self) -> str:
        """Return the point in the namespace's history that `since` goes on from."""
        return str(self.api.get(self.pods_path)["metadata"]["resourceVersion"])

    def since(self, then: str) -> list[Change]:
        """Return all that has happened to the pods."""
        return self.api.changes(self.pods_path, then)


def is_ready(pod: Object) -> bool:
    """Tell whether a pod is ready, and not on its way out."""
    conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def fewest_ready(before: Sequence[Object], changes: Sequence[Change]) -> int:
    """Return how many pods were ready when it was fewest."""
    ready = {str(each["metadata"]["uid"]): is_ready(each) for each in before}
    fewest = sum(ready.values())
    for change in changes:
        ready[str(change.thing["metadata"]["uid"])] = change.kind != "DELETED" and is_ready(change.thing)
        fewest = min(fewest, sum(ready.values()))
    return fewest


def uids(pods: Sequence[Object]) -> dict[str, str]:
    """Return which pod has which name; a new one of the same name is another one."""
    return {str(each["metadata"]["name"]): str(each["metadata"]["uid"]) for each in pods}


def deleted(changes: Sequence[Change], *, of: Sequence[Object]) -> list[str]:
    """Return the names of those of the pods that went, in their order."""
    counted = {each["metadata"]["uid"] for each in of}
    gone = [change.thing["metadata"] for change in changes if change.kind == "DELETED"]
    return [str(each["name"]) for each in gone if each["uid"] in counted]


def came_up(before: Sequence[Object], changes: Sequence[Change]) -> list[Object]:
    """Return the pods that were not there before and became ready.

    One that did not may be none that the chart lost: kwok deletes by name, and twice at times, so that it can hit a
    successor that has not started. A kubelet names the pod that it means by its uid.
    """
    old = set(uids(before).values())
    return [each.thing for each in changes if each.thing["metadata"]["uid"] not in old and is_ready(each.thing)]
