"""Programs of others that tests use where they are installed; CI has them all."""

from __future__ import annotations

import shutil
from typing import Final

import pytest

PACKAGES: Final = {
    "chromium": "chromium",
    "node": "nodejs",
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "promtool": "prometheus",
}
"""Debian's and Ubuntu's packages, by the programs in them."""


def installed(program: str) -> str:
    """Return the path of a program; a test that needs it is skipped without it, which fails it in CI."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"no {program} on the PATH: install it (Debian, Ubuntu: apt-get install {PACKAGES[program]})")
    return path
