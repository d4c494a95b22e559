"""The rules that the suite holds itself to: what is not shown counts as failed, and nothing is left running."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.broker import ROOT
from tests.support.endings import wait_until_ended

SKIPPED = "import pytest\n\n@pytest.mark.skip(reason='too hard')\ndef test_promise():\n    pass\n"
SKIPPED_WHOLE = "import pytest\npytest.importorskip('no_such_library')\n"
LEAVES = """\
import pathlib, subprocess

def test_leaves():
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    pathlib.Path("child").write_text(str(child.pid))
"""


def suite(folder: Path, test: str, *, ci: str) -> subprocess.CompletedProcess[str]:
    """Run one test file as a suite of its own under the rules of this one."""
    folder.joinpath("test_it.py").write_text(test)
    environment = {key: value for key, value in os.environ.items() if key != "STREAMER_TEST_RUN"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-W", "ignore", "-rs", "test_it.py"],
        cwd=folder,
        env={**environment, "CI": ci, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("test", [SKIPPED, SKIPPED_WHOLE])
def test_a_skip_is_a_failure_in_ci(tmp_path: Path, test: str) -> None:
    """A guarantee that was not shown is not shown."""
    done = suite(tmp_path, test, ci="true")
    assert done.returncode != 0
    assert "nothing may be skipped in CI" in done.stdout


def test_a_skip_is_reported_elsewhere(tmp_path: Path) -> None:
    """At a desk a skip is a skip, with its reason."""
    done = suite(tmp_path, SKIPPED, ci="")
    assert (done.returncode, "too hard" in done.stdout) == (0, True)


def test_a_run_that_leaves_a_process_behind_fails_and_ends_it(tmp_path: Path) -> None:
    """Even a process in a session of its own is found, named and ended."""
    done = suite(tmp_path, LEAVES, ci="")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "left running by the tests" in done.stdout
    wait_until_ended(int(tmp_path.joinpath("child").read_text()))
