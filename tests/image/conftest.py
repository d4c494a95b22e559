"""These tests run only where they are named: `make test-image`, as root, with buildah and podman."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.image import require_image

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies here."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("image")
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session", autouse=True)
def _image() -> None:
    """Nothing here is skipped: what is missing is said."""
    require_image()
