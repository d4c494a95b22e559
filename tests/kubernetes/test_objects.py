"""The API server accepts every object of the chart as it is: no field dropped, none deprecated, no pod refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from tests.kubernetes import tables
from tests.kubernetes.api import Answer, Api
from tests.support.chart import VALUES, Object, manifests, rendered

pytestmark = pytest.mark.kubernetes

STRICTLY = {"dryRun": "All", "fieldValidation": "Strict"}


def dry_run(api: Api, namespace: str, thing: Object, manifest: str) -> Answer:
    """Ask the API server to do all but keep an object, which is also given as it was rendered."""
    return api.ask("POST", api.path_of(thing, namespace), manifest.encode(), **STRICTLY)


@pytest.mark.parametrize("name", VALUES)
def test_every_object_is_accepted_strictly(
    name: str, api: Api, namespace: str, record_property: Callable[[str, object], None]
) -> None:
    """Those of the Prometheus operator too, by the schemas that it is released with. A warning counts as a refusal."""
    refused = {}
    for manifest in manifests(VALUES[name]):
        thing = yaml.safe_load(manifest)
        answer = dry_run(api, namespace, thing, manifest)
        good = answer.status == 201 and not answer.warnings
        if not good:
            refused[f"{thing['kind']} {thing['metadata']['name']}"] = answer
        record_property(tables.OBJECT, (f"{thing['kind']} {thing['apiVersion']}", name, "ok" if good else "REFUSED"))
    assert refused == {}


@pytest.mark.parametrize("spoil", ["minReadySecond: 5", "selector: {}"], ids=["misspelt", "twice"])
@pytest.mark.parametrize("kind", ["StatefulSet", "PodMonitor"])
def test_a_field_that_is_misspelt_or_there_twice_would_be_refused(
    kind: str, spoil: str, api: Api, namespace: str
) -> None:
    """So that the test above can fail: for Kubernetes' own objects, and for the Prometheus operator's."""
    manifest = next(each for each in manifests(VALUES["full"]) if yaml.safe_load(each)["kind"] == kind)
    spoilt = manifest.replace("\nspec:\n", f"\nspec:\n  {spoil}\n")
    answer = dry_run(api, namespace, yaml.safe_load(manifest), spoilt)
    assert (answer.status, "strict decoding error" in answer.body["message"]) == (400, True)


def test_a_pod_that_may_do_more_would_be_refused(api: Api, namespace: str) -> None:
    """So that the pods of the chart are admitted by a server that looks."""
    stateful_set = next(each for each in rendered(VALUES["full"]) if each["kind"] == "StatefulSet")
    spec = stateful_set["spec"]["template"]["spec"]
    del spec["serviceAccountName"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "it"}, "spec": spec}
    path = f"/api/v1/namespaces/{namespace}/pods"
    assert api.ask("POST", path, pod, **STRICTLY).status == 201
    spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    answer = api.ask("POST", path, pod, **STRICTLY)
    assert (answer.status, "PodSecurity" in answer.body["message"]) == (403, True)
