from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.broker import ROOT


@pytest.mark.kafka
def test_the_restore_benchmark_counts_every_agent(kafka: str) -> None:
    """Its rows are the product's own, so that each is restored; the limits read the same ones."""
    options = ["--agents", "700", "--partitions", "2", "--bootstrap", kafka, "--only", "taken,parsed"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.restore", *options],
        capture_output=True,
        check=True,
        cwd=ROOT,
        text=True,
        timeout=100,
    )
    _, title, taken, parsed = done.stdout.splitlines()
    assert title.startswith("700 agents on 2 shards")
    assert taken.split("taken over by us")[1].split()[0] == "700"
    assert parsed.split("orjson.loads")[1].split()[0] == "700"
