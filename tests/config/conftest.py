"""The secrets that the files under `testdata` refer to."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", "hunter2")
    monkeypatch.setenv("KAFKA_PASSWORD", "hunter2")
    monkeypatch.setenv("EMPTY_TOKEN", "")
    monkeypatch.delenv("UNSET_TOKEN", raising=False)
