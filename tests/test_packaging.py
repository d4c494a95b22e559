"""The wheel is complete: what a user installs works without the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import streamer
from tests.support.broker import ROOT

SCHEMAS = sorted(path.name for path in ROOT.joinpath("schemas").glob("*.v*.json"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment that holds the wheel and what it depends on, nothing else."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or "uv"
    run(uv, "venv", "--python", sys.executable, str(environment))
    binaries = environment / "bin"
    constraints = str(ROOT / "constraints.txt")
    run(uv, "pip", "install", "--python", str(binaries / "python"), "--constraints", constraints, str(wheel))
    return binaries


def test_the_installed_command_knows_its_version(installed: Path) -> None:
    """`streamer --version` runs with the declared dependencies alone and prints the package's version."""
    assert streamer.__version__ in run(str(installed / "streamer"), "--version").split()


def test_the_installed_command_shows_every_published_schema(installed: Path) -> None:
    """`streamer schemas` finds the schemas inside the package."""
    shown = run(str(installed / "streamer"), "schemas")
    assert SCHEMAS
    assert [name for name in SCHEMAS if name not in shown] == []


def test_the_installed_schemas_are_those_of_the_checkout(installed: Path) -> None:
    """The package gives out each schema as it is published, byte for byte."""
    program = (
        "import json; from streamer.events.schemas import SCHEMA_IDS, file_name, schema_text;"
        "print(json.dumps({file_name(each): schema_text(each).decode() for each in SCHEMA_IDS}))"
    )
    shipped = json.loads(run(str(installed / "python"), "-c", program))
    assert shipped == {name: ROOT.joinpath("schemas", name).read_text() for name in SCHEMAS}


def test_the_installed_service_has_its_status_page(installed: Path) -> None:
    """Each file of the page is found inside the package."""
    program = (
        "from streamer.service.status.routes import TYPES, status_routes; print(len(status_routes(None)), len(TYPES))"
    )
    routes, names = run(str(installed / "python"), "-c", program).split()
    assert int(routes) == 1 + int(names)


def test_the_wheel_carries_types_schemas_and_licence_and_no_tests(wheel: Path) -> None:
    """Type checkers see that the package is typed; everything else in the wheel is the package itself."""
    names = zipfile.ZipFile(wheel).namelist()
    information = f"agent_status_streamer-{streamer.__version__}.dist-info"
    assert {"streamer/py.typed", f"{information}/licenses/LICENSE"} <= set(names)
    assert [f"streamer/events/_schemas/{name}" for name in SCHEMAS] == sorted(n for n in names if "/_schemas/" in n)
    assert {name.split("/")[0] for name in names} == {"streamer", information}


def run(*command: str) -> str:
    """Run a program away from the checkout; its standard output, or a failure that shows what it said."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout
