"""The checklist "Add a vendor" of docs/development.md, walked with a vendor that nobody has, in a copy of the tree.

What is new lies under `dummy`, where it would lie in the tree; the lines that are added elsewhere stand below. If the
checklist names a file that the walk does not touch, or the walk needs one that it does not name, the test fails.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.broker import ROOT
from tests.support.trial import SCALE

DUMMY = Path(__file__).parent / "dummy"
VENDOR, SOURCE = "dummy_desk", "dummy-desk"
GENERATED = "docs/reference/configuration.md"

LINES: Mapping[str, Sequence[tuple[str, str]]] = {
    "streamer/sources/registry.py": (
        ("from streamer.sources.http import", "from streamer.sources.dummy_desk import DummyDeskAgents"),
        ('"google-ccaip": GoogleCcaip', '        "dummy-desk": DummyDeskAgents,'),
    ),
    "streamer/config/vendors/__init__.py": (
        ("from streamer.config.vendors.google_ccaip", "from streamer.config.vendors.dummy_desk import DummyDesk"),
        ('"google-ccaip": GoogleCcaip', '        "dummy-desk": DummyDesk,'),
    ),
    "tests/sources/cases/__init__.py": (
        ("from tests.sources.cases import", "from tests.sources.cases import dummy_desk"),
        ("*google_ccaip.CASES", "    *dummy_desk.CASES,"),
        ("*google_ccaip.PARSERS", "    *dummy_desk.PARSERS,"),
    ),
    "streamer/simulator/registry.py": (
        ("from streamer.simulator.google_api", "from streamer.simulator.dummy_desk_api import DummyDeskApi"),
        ('"google-ccaip": GoogleApi', '    "dummy-desk": DummyDeskApi,'),
    ),
    "streamer/simulator/client_config.py": (('"google-ccaip": _teams', '    "dummy-desk": _basic,'),),
    "streamer/simulator/witness.py": (
        ("from streamer.simulator import", "from streamer.simulator import dummy_desk_api"),
        ('"google-ccaip": _by_itself', '    "dummy-desk": _by_itself(dummy_desk_api.shown),'),
        ('"google-ccaip": lambda', '    "dummy-desk": lambda ids: str(ids.google),'),
    ),
    "tests/simulator/readers.py": (
        (
            '"google-ccaip": Reader(',
            (
                '    "dummy-desk": Reader(source="dummy-desk", path="/desk/agents", media_type="application/json", '
                'decode=from_json, agents=_bare, one=lambda item: (item["id"], {"doing": item["doing"]})),'
            ),
        ),
    ),
    "tests/oracle/vendors.py": (
        ('"google-ccaip": Reading', '    "dummy-desk": Reading(shown=_these("doing"), published=_these("code")),'),
    ),
    "tests/oracle/test_oracle_vendors.py": (
        ('"google-ccaip": {"status"', '    "dummy-desk": {"doing": "free"},'),
        ('"google-ccaip": {"code"', '    "dummy-desk": {"code": "free", "label": "free"},'),
    ),
    "streamer/sources/reference.py": (
        ("from streamer.sources import google", "from streamer.sources import dummy_desk"),
        (
            "GOOGLE: {",
            (
                '        "docs/vendors/dummy-desk.md": {"statuses": table(("`doing`", "`state`"), '
                '((f"`{code}`", f"`{each.state}`") for code, each in dummy_desk.STATUSES.items()))},'
            ),
        ),
    ),
}
"""By file, each line that is added, before the first one that holds these words."""

GUARDS = (
    "tests/sources/test_registry.py::test_what_the_config_names_exists_and_what_exists_can_be_configured",
    "tests/sources/test_contract.py::test_every_source_is_under_contract",
    "tests/sources/test_bad_payloads.py::test_every_source_is_fed_with_spoiled_payloads",
    "tests/acceptance/test_all_vendors.py::test_every_source_is_simulated_and_judged",
    "tests/oracle/test_oracle_vendors.py",
    "tests/simulator/test_simulator_client_config.py",
    "tests/simulator/test_simulator_witness.py::test_every_source_has_a_careful_client",
    "tests/simulator/test_simulator_witness.py::test_ids_are_those_of_the_endpoint",
    "tests/docs/test_generated.py::test_what_is_made_from_code_is_up_to_date",
    "tests/docs/test_pages.py::test_every_source_has_a_page_with_a_config_and_tables_that_are_kept_up_to_date",
)
"""The tests that list the sources."""

EVERY = 1 if SCALE > 1 else 9
"""Of the steps that might be left out, two are tried in CI; all of them take minutes."""


def new_files() -> list[str]:
    """Return what the vendor brings, by its path in the tree."""
    found = (str(path.relative_to(DUMMY)) for path in DUMMY.rglob("*") if path.is_file())
    return sorted(path for path in found if "__pycache__" not in path)


def named_by_the_checklist() -> set[str]:
    """Return the paths that the checklist names, for this vendor."""
    text = (ROOT / "docs/development.md").read_text().partition("## Add a vendor")[2].partition("\n## ")[0]
    steps = "\n".join(line for line in text.splitlines() if re.match(r"(\d+\.|  ) ", line))
    named = re.findall(r"`([\w<>./-]+/[\w<>./-]+)`", steps)
    return {name.replace("<vendor>", VENDOR).replace("<source>", SOURCE) for name in named}


class Checkout:
    """A copy of the tree in which the checklist is walked."""

    def __init__(self, folder: Path) -> None:
        """Copy the tree, without what make made."""
        self.folder = folder / "checkout"
        self.folder.mkdir()
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        for name in listed.stdout.splitlines():
            if (ROOT / name).is_file() and not name.startswith("tests/checklist/"):
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, self.folder / name)
        subprocess.run(["git", "init", "--quiet"], cwd=self.folder, check=True)  # noqa: S607

    def walk(self) -> None:
        """Carry out the checklist."""
        for name in (*new_files(), *LINES):
            self.take(name)

    def take(self, name: str) -> None:
        """Take one step: a new file, or the vendor's lines in a file that is there."""
        if name not in LINES:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(DUMMY / name, self.folder / name)
            return
        lines = (ROOT / name).read_text().splitlines()
        for words, line in LINES[name]:
            at = next(index for index, each in enumerate(lines) if words in each)
            lines.insert(at, line)
        (self.folder / name).write_text("\n".join([*lines, ""]))

    def undo(self, name: str) -> None:
        """Take one step back."""
        if name in LINES:
            shutil.copy(ROOT / name, self.folder / name)
        else:
            (self.folder / name).unlink()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the copy, which finds its own modules first."""
        unwanted = ("PYTEST_", "STREAMER_TEST_RUN", "STREAMER_REPORTS")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(unwanted)}
        environment |= {"STREAMER_BAD_PAYLOADS": "50", "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    def tests(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run tests in the copy."""
        return self.run("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments)


def test_the_checklist_names_what_the_walk_touches_and_nothing_else() -> None:
    """A list that has grown old is found: a file that moved, a step too many, one too few."""
    touched = {name for name in new_files() if not name.endswith("of-one-agent.json")}
    assert named_by_the_checklist() == touched | LINES.keys() | {GENERATED}


@pytest.mark.slow
@pytest.mark.timeout(1800 * SCALE)
def test_a_vendor_that_went_through_the_checklist_is_polled_tested_and_documented(tmp_path: Path) -> None:
    """Nothing else was touched; the contract, spoiled payloads, config, poll-once and the docs know it by themselves."""
    checkout = Checkout(tmp_path)
    checkout.walk()
    for writer in ("streamer.config.reference", "streamer.sources.reference"):
        assert "out of date" in checkout.run("-m", writer, "--check").stderr
        assert checkout.run("-m", writer).returncode == 0
    page = (checkout.folder / "docs/vendors/dummy-desk.md").read_text()
    assert "| `talking` | `busy` |" in page
    assert "Tenants of source dummy-desk" in (checkout.folder / GENERATED).read_text()
    ran = checkout.tests("tests/sources/test_contract.py", "tests/sources/test_bad_payloads.py", "-k", SOURCE)
    assert ran.returncode == 0, ran.stdout[-4000:]
    assert "contract: 1 sources x" in ran.stdout
    assert re.search(r"^dummy-desk json: all +150 ", ran.stdout, re.MULTILINE), ran.stdout[-4000:]
    ran = checkout.tests("tests/cli/test_poll_once_vendors.py", "tests/cli/test_poll_once_unmapped.py", "-k", SOURCE)
    assert ran.returncode == 0, ran.stdout[-4000:]
    assert "4 passed" in ran.stdout
    ran = checkout.tests(*GUARDS)
    assert ran.returncode == 0, ran.stdout[-4000:]
    for name in (*new_files(), *LINES)[::EVERY]:
        walked = (checkout.folder / name).read_bytes()
        checkout.undo(name)
        ran = checkout.tests(*GUARDS)
        assert ran.returncode != 0, f"nothing tells that {name} was left out"
        (checkout.folder / name).write_bytes(walked)  # with the tables that were written meanwhile
