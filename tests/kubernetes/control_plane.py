"""A real Kubernetes control plane for tests, on free loopback ports, with its data in a temporary folder.

etcd, the API server, the controllers and the scheduler are the real ones. Nodes and what runs on them are kwok's: a pod
is scheduled, becomes ready, is evicted and deleted as the API tells it, and no container is started.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

import yaml

from tests.kubernetes.api import Api
from tests.support.broker import ROOT
from tests.support.endings import Tied
from tests.support.ports import HOST, free_ports
from tests.support.programs import ProgramError, wait_until

BUILT: Final = ROOT / ".kubernetes"
NODES: Final = ("node-a", "node-b", "node-c")
READY_WITHIN: Final = 120.0
"""Seconds until each part must be ready; all of them take about ten on an idle machine."""

NEVER_READY: Final = "kwok.x-k8s.io/never-ready"
"""The annotation of a pod that stays as it is once it is scheduled: one that does not come up."""


class ControlPlane:
    """One cluster of `NODES`, each in a zone of its own. Entered, it is ready."""

    def __init__(self) -> None:
        """Choose ports and a folder; nothing runs yet."""
        self._folder = Path(tempfile.mkdtemp(prefix="streamer-kubernetes-"))
        self._etcd, self._etcd_peers, self._port = free_ports(3)
        self._token = secrets.token_hex(16)
        self._running: dict[str, tuple[subprocess.Popen[bytes], Tied]] = {}
        self.kubeconfig = self._folder / "kubeconfig"

    @property
    def api(self) -> Api:
        """The API server, for an administrator."""
        return Api(url=f"https://{HOST}:{self._port}", token=self._token, authority=self._authority)

    def start(self) -> Self:
        """Start all parts and wait until they are ready.

        Raises:
            ProgramError: something is not installed or built, or a part is not ready within `READY_WITHIN`.

        """
        require_programs()
        self._start_etcd()
        self._start_api_server()
        self._write_kubeconfig()
        for crd in sorted(BUILT.glob("crds/*.yaml")):
            self.api.do("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd.read_bytes())
        client = ("--kubeconfig", self.kubeconfig, "--leader-elect=false", "--secure-port=0")
        self._start(
            "controllers",
            "kube-controller-manager",
            *client,
            *("--service-account-private-key-file", self._key),
            "--horizontal-pod-autoscaler-sync-period=2s",
            "--node-monitor-grace-period=10m",  # a busy machine is no lost node
        )
        self._start("scheduler", "kube-scheduler", *client)
        stages = self._folder / "stages.yaml"
        stages.write_text(yaml.safe_dump_all(_stages()))
        self._start("kwok", "kwok", "--kubeconfig", self.kubeconfig, "--config", stages, "--manage-all-nodes=true")
        for name in NODES:
            labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
            labels["topology.kubernetes.io/zone"] = name.replace("node", "zone")
            node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
            self.api.do("POST", "/api/v1/nodes", node)
        self._await("the nodes", self._nodes_are_ready)
        return self

    def close(self) -> None:
        """End all parts and delete the data."""
        for process, tied in self._running.values():
            process.kill()
            process.wait(READY_WITHIN)
            tied.untie()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        """Start."""
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        """End all parts and delete the data: nobody needs it any more."""
        self.close()

    @property
    def _key(self) -> Path:
        return self._folder / "service-accounts.key"

    @property
    def _authority(self) -> Path:
        return self._folder / "certificates" / "apiserver.crt"

    def _start_etcd(self) -> None:
        clients, peers = f"http://{HOST}:{self._etcd}", f"http://{HOST}:{self._etcd_peers}"
        self._start(
            "etcd",
            "etcd",
            *("--data-dir", self._folder / "etcd"),
            *("--listen-client-urls", clients, "--advertise-client-urls", clients),
            *("--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers),
            *("--initial-cluster", f"default={peers}", "--unsafe-no-fsync"),
        )

    def _start_api_server(self) -> None:
        key = ["openssl", "genrsa", "-out", str(self._key), "2048"]
        subprocess.run(key, check=True, capture_output=True, timeout=READY_WITHIN)
        tokens = self._folder / "tokens.csv"
        tokens.write_text(f"{self._token},administrator,administrator,system:masters\n")
        self._start(
            "api-server",
            "kube-apiserver",
            *("--etcd-servers", f"http://{HOST}:{self._etcd}"),
            *("--bind-address", HOST, "--advertise-address", HOST, "--secure-port", str(self._port)),
            *("--cert-dir", self._authority.parent, "--token-auth-file", tokens),
            *("--service-account-issuer", "https://kubernetes.default.svc"),
            *("--service-account-key-file", self._key, "--service-account-signing-key-file", self._key),
            *("--authorization-mode", "RBAC", "--endpoint-reconciler-type", "none"),
            "--service-cluster-ip-range=10.96.0.0/16",
        )
        self._await("the API server", self._answers)

    def _start(self, name: str, program: str, *arguments: str | Path) -> None:
        command = [str(BUILT / program), *map(str, arguments)]
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder, start_new_session=True
            )
        self._running[name] = process, Tied(process, folder=self._folder)

    def _await(self, what: str, ready: Callable[[], bool]) -> None:
        try:
            wait_until(lambda: bool(self._ended()) or ready(), f"{what} ready", within=READY_WITHIN, every=0.1)
        except ProgramError as error:
            raise ProgramError(f"{error}\n{self.log_tails()}") from None
        if ended := self._ended():
            raise ProgramError(f"ended while starting: {', '.join(ended)}\n{self.log_tails()}")

    def _ended(self) -> list[str]:
        return [name for name, (process, _) in self._running.items() if process.poll() is not None]

    def _answers(self) -> bool:
        with suppress(OSError):  # not even the certificate is there at first
            return self.api.ask("GET", "/readyz").status == 200
        return False

    def _nodes_are_ready(self) -> bool:
        conditions = [each["status"].get("conditions", []) for each in self.api.get("/api/v1/nodes")["items"]]
        return all({"Ready": "True"}.items() <= {one["type"]: one["status"] for one in of}.items() for of in conditions)

    def log_tails(self, lines: int = 10) -> str:
        """Return the ends of all parts' logs."""
        logs = sorted(self._folder.glob("*.log"))
        return "\n".join(f"{log.stem}:\n" + "\n".join(log.read_text().splitlines()[-lines:]) for log in logs)

    def _write_kubeconfig(self) -> None:
        where = {"server": f"https://{HOST}:{self._port}", "certificate-authority": str(self._authority)}
        names = {"cluster": "tests", "user": "administrator"}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": where}],
            "users": [{"name": "administrator", "user": {"token": self._token}}],
            "contexts": [{"name": "tests", "context": names}],
        }
        self.kubeconfig.write_text(yaml.safe_dump(content))


def require_programs() -> None:
    """Ask for all that a control plane is made of.

    Raises:
        ProgramError: something is missing; says how it is to be had.

    """
    if shutil.which("openssl") is None:
        raise ProgramError("no openssl on the PATH: on Debian, apt-get install openssl")
    if not (BUILT / ".built").exists():
        raise ProgramError(f"no Kubernetes in {BUILT.relative_to(ROOT)}: run `make test-kubernetes`, which builds it")


def _stages() -> Sequence[Mapping[str, Any]]:
    """Return how nodes and pods change, as kwok delivers it, but for pods that shall not become ready."""
    stages = [yaml.safe_load(path.read_text()) for path in sorted(BUILT.glob("stages/*.yaml"))]
    for each in stages:
        if each["metadata"]["name"] == "pod-ready":
            never = {"key": f'.metadata.annotations["{NEVER_READY}"]', "operator": "DoesNotExist"}
            each["spec"]["selector"]["matchExpressions"].append(never)
    return stages
