from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from helm_python.chart import Chart, lint
from helm_python.errors import HelmError

from tests.support.broker import ROOT
from tests.support.chart import CHART, VALUES, Object, rendered

KUBERNETES = ["1.30", "1.36"]
ISSUER = ROOT / "tests" / "config" / "testdata" / "good" / "ca.pem"
MINIMAL = VALUES["minimal"]


def the(kind: str, values: Mapping[str, Any] = MINIMAL) -> Object:
    """Return the first object of a kind."""
    return next(each for each in rendered(values) if each["kind"] == kind)


def with_values(**values: Any) -> dict[str, Any]:
    """Return the minimal values and others over them."""
    return {**MINIMAL, **values}


@pytest.mark.parametrize("name", VALUES)
def test_the_chart_passes_lint_with_every_values_file(name: str) -> None:
    """As `helm lint --strict` does; an icon is a matter of taste."""
    report = lint(CHART, VALUES[name], strict=True)
    assert report["errors"] == []
    assert [each["error"] for each in report["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("name", VALUES)
def test_kubernetes_knows_every_field_of_every_object(name: str, version: str) -> None:
    """A misspelt field would be dropped in silence. Objects of the Prometheus operator are not Kubernetes' own."""
    for each in rendered(VALUES[name]):
        if not each["apiVersion"].startswith("monitoring.coreos.com/"):
            kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("name", VALUES)
def test_the_service_accepts_the_config_that_the_chart_writes(name: str, tmp_path: Path) -> None:
    """What is mounted is what `streamer check-config` calls good, but for the paths, which are a container's."""
    files: dict[str, str] = {}
    for each in rendered(VALUES[name]):
        if each["kind"] == "ConfigMap":
            folder = "tenants" if each["metadata"]["name"].endswith("-tenants") else "config"
            files |= {f"{folder}/{key}": text for key, text in each["data"].items()}
    secrets = VALUES[name].get("secrets", [])
    files |= {f"secrets/{secret}/{key}": "s3cret" for secret in secrets for key in ("password", "token")}
    files |= {f"secrets/{secret}/ca.crt": ISSUER.read_text() for secret in secrets}
    for path, text in {**files, "tenants/.keep": ""}.items():
        tmp_path.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
        there = text.replace("/etc/streamer/", f"{tmp_path}/").replace("/run/secrets/streamer", f"{tmp_path}/secrets")
        tmp_path.joinpath(path).write_text(there)
    command = [sys.executable, "-m", "streamer", "check-config", "--config", str(tmp_path / "config/streamer.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_config_is_mounted_where_the_service_looks_for_it() -> None:
    """The paths in the config and in the command are those of the mounts."""
    container = the("StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    config = yaml.safe_load(the("ConfigMap")["data"]["streamer.yaml"])
    assert container["args"] == ["run", "--config", f"{mounts['config']}/streamer.yaml"]
    assert config["tenants_dir"] == mounts["tenants"]
    assert mounts["secret-0"] == f"{config['secrets_dir']}/acme"
    port = container["ports"][0]["containerPort"]
    assert config["server"] == {"host": "0.0.0.0", "port": port, "show_agents": False}  # noqa: S104


def test_a_pod_may_do_nothing_that_it_needs_not() -> None:
    """The restricted profile of the Pod Security Standards, and no token for the API server."""
    spec = the("StatefulSet")["spec"]["template"]["spec"]
    container = spec["containers"][0]["securityContext"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_a_change_of_tenants_restarts_no_pod_and_a_change_of_the_config_all() -> None:
    """Tenants are reloaded by the service; how Kafka is reached is not."""
    more = [*MINIMAL["tenants"], {"id": "beta", "source": "8x8-agent-status"}]
    other = {**MINIMAL["config"], "defaults": {"interval": "20s"}}
    template = the("StatefulSet")["spec"]["template"]
    assert the("StatefulSet", with_values(tenants=more))["spec"]["template"] == template
    assert the("StatefulSet", with_values(config=other))["spec"]["template"] != template


def test_the_node_name_is_the_pods() -> None:
    """So that a pod that comes back gets its shards back."""
    environment = the("StatefulSet")["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}} in environment


def test_selectors_match_the_pods_and_nothing_of_the_test_job() -> None:
    """The Service, the budget and the policy mean the replicas, and only them."""
    values = with_values(networkPolicy={"enabled": True})
    pods = the("StatefulSet", values)["spec"]["template"]["metadata"]["labels"].items()
    job = the("Job", values)["spec"]["template"]["metadata"]["labels"].items()
    for kind, *path in (
        ("Service", "selector"),
        ("StatefulSet", "selector", "matchLabels"),
        ("PodDisruptionBudget", "selector", "matchLabels"),
        ("NetworkPolicy", "podSelector", "matchLabels"),
    ):
        selector = the(kind, values)["spec"]
        for key in path:
            selector = selector[key]
        assert selector.items() <= pods
        assert not selector.items() <= job


def test_the_policy_lets_the_test_job_in_beside_those_who_may_scrape() -> None:
    """`helm test` asks a replica; where everybody may come, nobody is named."""
    scraper = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    values = with_values(networkPolicy={"enabled": True, "from": [scraper]})
    [rule] = the("NetworkPolicy", values)["spec"]["ingress"]
    job = the("Job", values)["spec"]["template"]["metadata"]["labels"]
    assert rule["from"] == [scraper, {"podSelector": {"matchLabels": job}}]
    everybody = with_values(networkPolicy={"enabled": True})
    assert all("from" not in each for each in the("NetworkPolicy", everybody)["spec"]["ingress"])


def test_the_autoscaler_alone_says_how_many_there_are() -> None:
    """An upgrade must not set back what it decided."""
    assert the("StatefulSet")["spec"]["replicas"] == 2
    assert "replicas" not in the("StatefulSet", with_values(autoscaling={"enabled": True}))["spec"]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"image": {"repository": ""}}, "repository"),
        ({"image": {"repository": "x", "digest": "sha256:1"}}, "digest"),
        ({"config": {"kafka": {"bootstrap_servers": []}}}, "config.kafka.bootstrap_servers is empty"),
        ({"config": {**MINIMAL["config"], "tenants_dir": "x"}}, "config"),
        ({"config": {**MINIMAL["config"], "store": "sqlite:///x.db"}}, "store"),
        ({"tenants": [{"source": "8x8-agent-status"}]}, "id"),
        ({"replica": 3}, "replica"),
        ({"terminationGracePeriodSeconds": 5}, "terminationGracePeriodSeconds"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_values_that_can_not_work_are_refused_with_their_place(values: Mapping[str, Any], why: str) -> None:
    """Before anything reaches the cluster."""
    with pytest.raises(HelmError, match=re.escape(why)):
        rendered(with_values(**values))


def test_every_value_has_a_word_of_explanation_and_a_place_in_the_schema() -> None:
    """Whoever reads values.yaml needs no other page."""
    chart = Chart.load(CHART)
    schema = chart.schema
    assert schema is not None
    assert set(chart.values) <= set(schema["properties"])


def test_the_example_of_a_secured_kafka_uses_what_it_mounts() -> None:
    """Password and issuer lie in Secrets that the pod has, where the config looks for them."""
    values = VALUES["sasl-ssl"]
    container = the("StatefulSet", values)["spec"]["template"]["spec"]["containers"][0]
    mounts = {each["mountPath"] for each in container["volumeMounts"]}
    config = yaml.safe_load(the("ConfigMap", values)["data"]["streamer.yaml"])
    kafka = config["kafka"]
    password = f"{config['secrets_dir']}/{kafka['sasl_plain_password']['file']}"
    assert {str(Path(path).parent) for path in (password, kafka["ssl_cafile"])} <= mounts


def test_the_page_asks_a_pod_that_there_is_with_the_config_that_it_has() -> None:
    """Its name follows from the release's, `statuses`."""
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    [(pod, config)] = re.findall(r" exec (\S+) -- \\\n +streamer poll-once --config (\S+)", page)
    replicas = the("StatefulSet")
    assert pod == f"{replicas['metadata']['name'].replace('release', 'statuses')}-0"
    assert config == replicas["spec"]["template"]["spec"]["containers"][0]["args"][-1]


def test_the_page_lists_every_object_and_whether_it_is_always_there() -> None:
    """As rendered with everything turned on, and with as little as possible."""
    section = (ROOT / "docs" / "kubernetes.md").read_text().partition("## What is installed")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!Kind)([A-Z]\w+).* \| (.*) \|$", section, re.MULTILINE)
    everywhere = set.intersection(*({each["kind"] for each in rendered(values)} for values in VALUES.values()))
    assert {kind for kind, _ in rows} == {each["kind"] for values in VALUES.values() for each in rendered(values)}
    assert {kind for kind, when in rows if when == "always"} == everywhere - {"Job"}
