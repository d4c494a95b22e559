"""Runs inside each replica of a campaign, before anything else.

It counts the asyncio tasks, from a thread, and takes a guard away where the campaign wants to see what it is for.

Python imports it because the campaign puts this folder on the path of `python -m streamer run`.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import threading
import time
from pathlib import Path

EVERY = 0.5


def _count_tasks(path: Path) -> None:
    fresh = path.with_suffix(".new")
    while True:
        fresh.write_text(str(len(asyncio.tasks._all_tasks)))  # type: ignore[attr-defined]
        fresh.replace(path)
        time.sleep(EVERY)


if "CAMPAIGN_TASKS" in os.environ:
    threading.Thread(
        target=_count_tasks, args=(Path(os.environ["CAMPAIGN_TASKS"]),), name="campaign", daemon=True
    ).start()

if guard := os.environ.get("CAMPAIGN_WITHOUT"):
    importlib.import_module("guards").GUARDS[guard]()  # beside this file
