"""`compose.yaml` as far as it can be shown without Docker: its files, commands and names fit, and as processes it works.

That it fits the published schema of Compose files, `make check` says.
"""

from __future__ import annotations

import re
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from streamer.config.model import ServerConfig
from streamer.simulator import tenants_config
from tests.docs.commands import check_streamer
from tests.support.broker import NEWEST, ROOT, Broker, seats
from tests.support.chart import VALUES, rendered
from tests.support.ports import HOST, free_ports
from tests.support.programs import Program, ServiceProgram, get, wait_until
from tests.support.prometheus import Prometheus, rules
from tests.support.tools import installed

SERVICES: Final[dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
OWN: Final = [name for name, service in SERVICES.items() if service["image"] == "agent-status-streamer"]
CONFIG: Final = ROOT / "deploy" / "compose" / "streamer" / "streamer.yaml"
PROMETHEUS: Final = ROOT / "deploy" / "compose" / "prometheus.yml"
RULES: Final = [rule for group in rules()["groups"] for rule in group["rules"]]
GRAFANA: Final = ROOT / "deploy" / "compose" / "grafana"


def mounts(service: str) -> dict[str, Path]:
    """Return what is mounted into a service, by the place where."""
    split = (volume.split(":") for volume in SERVICES[service].get("volumes", []))
    return {inside: ROOT / outside for outside, inside, _ in split}


def mounted(service: str, inside: str) -> Path:
    """Return the file in the checkout that a service finds at a place."""
    [found] = [
        outside / inside.removeprefix(place).lstrip("/")
        for place, outside in mounts(service).items()
        if inside == place or inside.startswith(f"{place}/")
    ]
    return found


def broker_settings() -> dict[str, str]:
    """Return the properties that the image of Kafka makes of its environment: KAFKA_NODE_ID is node.id."""
    environment = SERVICES["kafka"]["environment"].items()
    return {name.removeprefix("KAFKA_").lower().replace("_", "."): str(value) for name, value in environment}


def inside_out(text: str, places: dict[str, str]) -> str:
    """Put addresses of this machine for those of the network of containers."""
    for inside, outside in places.items():
        assert inside in text, f"{inside} is named nowhere in:\n{text}"
        text = text.replace(inside, outside)
    return text


def test_what_is_mounted_exists_and_nobody_may_write_it() -> None:
    """Docker would make an empty folder in place of a file that is missing."""
    for name, service in SERVICES.items():
        assert all(path.exists() for path in mounts(name).values()), name
        assert all(volume.endswith(":ro") for volume in service.get("volumes", [])), name


def test_images_of_others_are_pinned_and_kafka_is_the_one_that_is_tested() -> None:
    """Each has a version, none is whatever is newest."""
    images = {name: service["image"] for name, service in SERVICES.items() if name not in OWN}
    assert all(re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", image) for image in images.values()), images
    assert images["kafka"] == f"apache/kafka:{NEWEST}"


def test_our_own_image_is_built_once_and_never_looked_for_elsewhere() -> None:
    """Docker builds services at once, and two that export one name fail; a registry may have somebody else's of it."""
    assert {SERVICES[name]["pull_policy"] for name in OWN if "build" not in SERVICES[name]} == {"never"}
    assert [SERVICES[name]["pull_policy"] for name in OWN if "build" in SERVICES[name]] == ["build"]


def test_nothing_listens_beyond_this_machine() -> None:
    """What has no password is no network's business."""
    assert all(port.startswith("127.0.0.1:") for service in SERVICES.values() for port in service["ports"])


def test_our_own_containers_are_as_restricted_as_the_charts() -> None:
    """The same image, the same user, no capability, a root that is read-only; and time to end in good order."""
    [pods] = [each["spec"]["template"]["spec"] for each in rendered(VALUES["minimal"]) if each["kind"] == "StatefulSet"]
    [container] = pods["containers"]
    for name in OWN:
        service, context = SERVICES[name], container["securityContext"]
        assert "user" not in service, "the image says who"
        assert (service["read_only"], service["cap_drop"]) == (True, context["capabilities"]["drop"])
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert SERVICES["streamer"]["stop_grace_period"] == f"{pods['terminationGracePeriodSeconds']}s"


def test_the_commands_are_those_of_the_product() -> None:
    """Options too. The service itself runs what the image runs by itself, with the config that is mounted there."""
    check_streamer(SERVICES["simulator"]["command"])
    assert "command" not in SERVICES["streamer"]
    [command] = re.findall(r"^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert mounted("streamer", yaml.safe_load(command)[-1]) == CONFIG


def test_every_vendor_is_polled_once_as_the_simulator_wants_to_be_asked() -> None:
    """One tenant a source; its keys are those of the simulator's own client."""
    tenants = yaml.safe_load(CONFIG.read_text())["tenants"]
    for number, tenant in enumerate(tenants):
        base_url = "http://simulator:8088"
        wanted = tenants_config(base_url, len(tenants), source=tenant["source"])[number]
        assert tenant.items() >= wanted.items()
        assert tenant.keys() - wanted.keys() <= {"queues"}
    assert len({tenant["source"] for tenant in tenants}) == len(tenants) == 4


def test_prometheus_takes_its_config_and_asks_where_the_service_listens(tmp_path: Path) -> None:
    """With the rules of the chart beside it, as they are mounted."""
    for inside, outside in mounts("prometheus").items():
        tmp_path.joinpath(Path(inside).name).write_text(outside.read_text())
    command = [installed("promtool"), "check", "config", str(tmp_path / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULES)} rules found" in done.stdout
    [scraped] = yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]
    [target] = scraped["static_configs"]
    assert target["targets"] == [f"streamer:{ServerConfig().port}"]


def test_grafana_is_given_its_data_and_its_dashboards() -> None:
    """The data source is Prometheus' own address; the folder and the first page are where they are mounted."""
    [source] = yaml.safe_load((GRAFANA / "datasources.yaml").read_text())["datasources"]
    [provider] = yaml.safe_load((GRAFANA / "dashboards.yaml").read_text())["providers"]
    assert (source["type"], source["url"], source["isDefault"]) == ("prometheus", "http://prometheus:9090", True)
    folder = mounted("grafana", provider["options"]["path"])
    assert {path.name for path in folder.iterdir()} == {"contact-centre.json", "operators.json"}
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert mounted("grafana", home).exists()


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.timeout(300)
def test_as_processes_it_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka with these settings alone, the simulator with this command, the service and Prometheus with these configs.

    Only addresses differ. Every tenant is polled well, every agent counted, and Prometheus knows.
    """
    monkeypatch.setattr("tests.support.broker.DEFAULTS", {})
    [seat], [outside, vendor] = seats(1), free_ports(2)
    kafka, simulated = f"{HOST}:{seat.port}", f"{HOST}:{vendor}"
    places = {
        "INSIDE://:19092": f"INSIDE://{kafka}",
        "OUTSIDE://:9092": f"OUTSIDE://{HOST}:{outside}",
        "CONTROLLER://:9093": f"CONTROLLER://{HOST}:{seat.controller_port}",
        "@kafka:9093": f"@{HOST}:{seat.controller_port}",
        "//kafka:19092": f"//{kafka}",
        "//localhost:9092": f"//{HOST}:{outside}",
    }
    settings: dict[str, str] = yaml.safe_load(inside_out(yaml.safe_dump(broker_settings(), width=1000), places))
    command = " ".join(SERVICES["simulator"]["command"])
    command = inside_out(command, {"--host 0.0.0.0": f"--host {HOST}", "--port 8088": f"--port {vendor}"})
    config = inside_out(CONFIG.read_text(), {"kafka:19092": kafka, "simulator:8088": simulated})
    service = ServiceProgram(yaml.safe_load(config), folder=tmp_path)
    with ExitStack() as stack:
        stack.enter_context(Broker(properties=settings, seat=seat))
        stack.enter_context(Program(*command.split(), folder=tmp_path, name="simulator"))
        wait_until(lambda: get(f"http://{simulated}/_simulator/tenants")[0] == 200, "the simulator answers", within=60)
        stack.enter_context(service).wait_ready()
        prometheus = Prometheus([service.port], {"groups": []}, folder=tmp_path / "prometheus")
        text = inside_out(PROMETHEUS.read_text(), {"streamer:9464": f"{HOST}:{service.port}"})
        prometheus.folder.joinpath("prometheus.yml").write_text(text)
        stack.enter_context(prometheus)
        tenants = [tenant["id"] for tenant in yaml.safe_load(config)["tenants"]]

        def polled() -> bool:
            outcomes = (service.metric("streamer_polls_total", tenant=tenant, outcome="ok") for tenant in tenants)
            return all(count >= 2 for count in outcomes)

        wait_until(polled, f"each tenant has been polled well twice:\n{service.log_tail()}", within=90)
        assert service.metric("streamer_polls_total") == service.metric("streamer_polls_total", outcome="ok")
        assert service.metric("streamer_agents") == 4 * 50

        def known() -> bool:
            now = [
                float(each["value"][1]) for each in prometheus.ask("v1/query", query="sum(streamer_agents)")["result"]
            ]
            return now == [200]

        wait_until(known, "Prometheus knows how many agents there are", within=60, every=1)
        assert service.stop() == 0, service.log_tail()
