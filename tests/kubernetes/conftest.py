"""One control plane for all tests of the folder, and a namespace that refuses unsafe pods for each."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator

import pytest

from tests.kubernetes import tables
from tests.kubernetes.api import Api
from tests.kubernetes.control_plane import ControlPlane
from tests.kubernetes.release import Release

Tell = Callable[[str, str], None]
"""`tell("upgrade", "2 pods")` puts a step, what was seen, and the seconds since the last one in the run's table."""

RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """A real control plane that all tests share; each keeps to its namespace, and leaves the nodes as they were."""
    with ControlPlane() as it:
        yield it


@pytest.fixture
def api(control_plane: ControlPlane) -> Api:
    """The API server."""
    return control_plane.api


@pytest.fixture
def namespace(api: Api) -> Iterator[str]:
    """A namespace under the Pod Security Standards' restricted profile."""
    name = f"t{secrets.token_hex(6)}"
    metadata = {"name": name, "labels": RESTRICTED}
    api.do("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    yield name
    api.do("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
def release(control_plane: ControlPlane, namespace: str) -> Iterator[Release]:
    """A release that is not installed yet."""
    it = Release(api=control_plane.api, kubeconfig=control_plane.kubeconfig, namespace=namespace)
    yield it
    it.close()


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Have a step shown in the run's table."""
    last = time.monotonic()

    def step(name: str, seen: str) -> None:
        nonlocal last
        record_property(tables.STEP, (name, seen, f"{time.monotonic() - last:.1f}"))
        last = time.monotonic()

    return step


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what the run has shown beyond passed and failed."""
    tables.objects(terminalreporter)
    tables.steps(terminalreporter)
